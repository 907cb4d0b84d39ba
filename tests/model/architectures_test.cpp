// Logits against transformers on tiny checkpoints (tools/golden/make_architectures.py).
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "mpq/calib/backward.h"
#include "mpq/core/json_file.h"
#include "mpq/core/log.h"
#include "mpq/eval/generate.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/activations.h"
#include "mpq/model/architecture.h"
#include "tests/support/edited_source.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

std::string golden_folder() { return source_path("tests/golden/architectures/"); }

Json architecture_cases() { return read_json_file(golden_folder() + "cases.json"); }

std::string model_type(const std::string& name) {
  return read_json_file(golden_folder() + name + "/config.json").at("model_type");
}

/// Of features that are refused.
bool waits(const std::string& name) { return name == "gemma4" || name == "gemma4_text"; }

/// tools/golden/make_families.py; those of what is not supported yet are left out.
std::vector<std::string> family_cases() {
  std::vector<std::string> names;
  const Json all = read_json_file(golden_folder() + "families.json");
  for (const std::string name : all.at("families")) {
    if (Registry<Architecture>::instance().contains(model_type(name)) && !waits(name))
      names.push_back(name);
  }
  return names;
}

std::vector<std::string> golden_cases() {
  const Json all = architecture_cases();  // a temporary would be gone before its items are read
  auto names = all.at("tiny").get<std::vector<std::string>>();
  for (const auto& [name, folder] : all.at("trained").items()) names.push_back(name);
  for (const auto& name : family_cases()) names.push_back(name);
  return names;
}

std::string checkpoint_of(const std::string& name) {
  const Json trained = architecture_cases().at("trained");
  return trained.contains(name) ? source_path(trained.at(name).get<std::string>())
                                : golden_folder() + name;
}

TEST(StoredExperts, AreAsManyAsTheConfigurationSays) {
  const TemporaryFolder place;
  std::filesystem::copy(golden_folder() + "gpt_oss", place.file("model"));
  Json config = read_json_file(place.file("model/config.json"));
  config["num_local_experts"] = config.at("num_local_experts").get<int>() - 1;
  write_json_file(place.file("model/config.json"), config);
  const auto open = [&] {
    Model(place.file("model"), open_safetensors_folder(place.file("model")), {});
  };
  EXPECT_NE(error_of(ErrorCode::Format, open).find("experts"), std::string::npos);
}

/// nano-llama, whose head is stored, by a config.json that ties it to the embedding.
class StoredHead : public testing::Test {
 protected:
  StoredHead() {
    Json config = read_json_file(stored_ + "/config.json");
    config["tie_word_embeddings"] = true;
    write_json_file(tied_.file("config.json"), config);
    set_log_sinks({.message =
                       [this](LogLevel level, const std::string& text) {
                         if (level == LogLevel::Warning) said_.push_back(text);
                       },
                   .progress = {}});
  }
  ~StoredHead() override { set_log_sinks({}); }

  Model open(const std::string& config_folder, Edits edits = {}) const {
    return {config_folder,
            std::make_unique<EditedSource>(stored_, std::move(edits)),
            {.dtype = "float32"}};
  }
  static at::Tensor logits(const Model& model) {
    MemoryBudget memory(-1, "/tmp");
    return model.logits(forward_model(model, BatchPlan({{1, 7, 3, 9}}, 64), memory));
  }

  const std::string stored_ = source_path("data/nano-llama");
  TemporaryFolder tied_;
  std::vector<std::string> said_;
};

TEST_F(StoredHead, IsUsedEvenIfTheConfigurationTiesIt) {
  const at::Tensor expected = logits(open(stored_));
  EXPECT_TRUE(said_.empty());
  const Model model = open(tied_.path());
  EXPECT_TRUE(at::equal(logits(model), expected));
  EXPECT_EQ(model.end_units().size(), 2U);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("lm_head.weight is stored with values of its own"), std::string::npos)
      << said_[0];
}

TEST_F(StoredHead, OfTheEmbeddingsValuesIsTied) {
  const at::Tensor embedding =
      open_safetensors_folder(stored_)->load("model.embed_tokens.weight").clone();
  const Model model =
      open(tied_.path(), {{"lm_head.weight", [&](const at::Tensor&) { return embedding; }}});
  EXPECT_TRUE(said_.empty());
  EXPECT_TRUE(model.end_units().empty());  // one matrix under two names stays as it is
}

class Architectures : public testing::TestWithParam<std::string> {};

TEST_P(Architectures, LogitsEqualTransformers) {
  const std::string folder = checkpoint_of(GetParam());
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const SafetensorsFile expected(golden_folder() + GetParam() + "/expected.safetensors");
  std::vector<TokenSequence> sequences;
  std::vector<at::Tensor> golden;
  const auto add = [&](const at::Tensor& ids, const at::Tensor& logits) {
    const auto row = ids.to(at::kInt).contiguous();
    sequences.emplace_back(row.data_ptr<int32_t>(), row.data_ptr<int32_t>() + row.numel());
    golden.push_back(logits);
  };
  if (expected.contains("ids")) {
    for (int64_t i = 0; i < expected.tensor("ids").size(0); ++i)
      add(expected.tensor("ids")[i], expected.tensor("logits")[i]);
  }
  for (int i = 0; expected.contains(fmt::format("prompt.{}.ids", i)); ++i)
    add(expected.tensor(fmt::format("prompt.{}.ids", i)),
        expected.tensor(fmt::format("prompt.{}.logits", i)));
  ASSERT_FALSE(sequences.empty());
  const BatchPlan plan(sequences, 64);
  MemoryBudget memory(-1, "/tmp");
  const auto logits = model.logits(forward_model(model, plan, memory));
  for (size_t i = 0; i < golden.size(); ++i) {
    const auto sequence = static_cast<int64_t>(i);
    const auto kept = golden[i].size(0);  // the last tokens, where the golden is kept small
    const auto ours =
        logits.narrow(0, plan.first_row(sequence) + plan.length(sequence) - kept, kept);
    const double error = (ours - golden[i]).abs().max().item<double>();
    EXPECT_LT(error, 1e-4 * golden[i].abs().max().item<double>()) << "sequence " << i;
  }
}

/// The largest error of a row; in a mixture of half of the rows, since a token whose router is
/// near a tie may choose another expert.
double row_error(const Model& model, const at::Tensor& found, const at::Tensor& exact) {
  const auto& blocks = model.config().blocks;
  const bool routed = std::any_of(blocks.begin(), blocks.end(),
                                  [](const BlockConfig& block) { return block.mixture(); });
  const auto rows = std::get<0>((found - exact).abs().amax(1).sort());
  return rows[routed ? rows.size(0) / 2 : rows.size(0) - 1].item<double>();
}

/// In narrow dtypes the residual stream, norms and head are float32: only products are rounded.
TEST_P(Architectures, NarrowDtypesFollowFloat32) {
  const std::string folder = checkpoint_of(GetParam());
  const BatchPlan plan({{1, 7, 3, 9, 4, 11, 5, 2}, {2, 6, 8}}, 64);
  MemoryBudget memory(-1, "/tmp");
  const auto logits = [&](const std::string& dtype) {
    const Model model(folder, open_safetensors_folder(folder), {.dtype = dtype});
    const auto hidden = forward_model(model, plan, memory);
    EXPECT_EQ(hidden.scalar_type(), at::kFloat) << dtype;
    return model.logits(hidden);
  };
  const at::Tensor exact = logits("float32");
  const double scale = exact.abs().max().item<double>();
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  EXPECT_LT(row_error(model, logits("bfloat16"), exact), 0.1 * scale);
  EXPECT_LT(row_error(model, logits("float16"), exact), 0.0125 * scale);
}

/// Without gradients rows are worked on in chunks, and short runs side by side.
TEST_P(Architectures, ChunksAndThreadsChangeNothing) {
  const std::string folder = checkpoint_of(GetParam());
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  std::vector<TokenSequence> sequences;
  for (const int length : {40, 30, 23, 17, 9}) {
    sequences.emplace_back();
    for (int i = 0; i < length; ++i) sequences.back().push_back((7 * i + length) % 16);
  }
  const BatchPlan plan(sequences, 128);
  MemoryBudget memory(-1, "/tmp");
  const at::Tensor whole = forward_model(model, plan, memory);
  const c10::NoGradGuard no_gradients;
  const at::Tensor cut = forward_model(model, plan, memory);
  EXPECT_LT((cut - whole).abs().max().item<double>(), 1e-5 * whole.abs().max().item<double>());
}

std::string readable(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

class Families : public testing::TestWithParam<std::string> {
 protected:
  Families()
      : model_(folder(), open_safetensors_folder(folder()), {.dtype = "float32"}),
        expected_(folder() + "/expected.safetensors") {}
  std::string folder() const { return golden_folder() + GetParam(); }
  std::vector<TokenSequence> sequences() const {
    std::vector<TokenSequence> result;
    const at::Tensor ids = expected_.tensor("ids").to(at::kInt).contiguous();
    for (int64_t i = 0; i < ids.size(0); ++i)
      result.emplace_back(ids[i].const_data_ptr<int32_t>(),
                          ids[i].const_data_ptr<int32_t>() + ids.size(1));
    return result;
  }

  Model model_;
  SafetensorsFile expected_;
};

/// Of the mean cross entropy of the next tokens, by the weight of block 0's first linear.
TEST_P(Families, GradientEqualsTransformers) {
  const BatchPlan plan(sequences(), 64);
  MemoryBudget memory(-1, "/tmp");
  at::Tensor gradient;
  pass_backward({model_, plan, memory, ""},
                [&](const StageGradients& shown) {
                  for (const auto& linear : shown.linears) {
                    if (shown.block != 0 || linear.linear != 0) continue;
                    const auto added = at::mm(linear.gradient.t(), linear.input);
                    gradient = gradient.defined() ? gradient + added : added;
                  }
                },
                {});
  const at::Tensor golden = expected_.tensor("gradient");
  const auto predicted = static_cast<double>(plan.rows() - plan.sequences());
  ASSERT_EQ(gradient.sizes(), golden.sizes());
  EXPECT_LT((gradient / predicted - golden).abs().max().item<double>(),
            1e-4 * golden.abs().max().item<double>());
}

/// Of the first eight tokens of sequence 0, with the key-value cache.
TEST_P(Families, GreedyTextEqualsTransformers) {
  const at::Tensor golden = expected_.tensor("greedy").to(at::kInt).contiguous();
  TokenSequence prompt = sequences().front();
  prompt.resize(8);
  GenerateOptions options;
  options.max_new_tokens = static_cast<int>(golden.size(1));
  const auto found = generate_greedy(model_, {prompt}, options);
  EXPECT_EQ(found.front(), TokenSequence(golden.const_data_ptr<int32_t>(),
                                         golden.const_data_ptr<int32_t>() + golden.numel()));
}

INSTANTIATE_TEST_SUITE_P(Cases, Families, testing::ValuesIn(family_cases()), readable);

INSTANTIATE_TEST_SUITE_P(Cases, Architectures, testing::ValuesIn(golden_cases()), readable);

/// What the smallest models of Gemma 4 have, which others lack.
TEST(RefusedFeatures, AreNamed) {
  for (const std::string name : {"gemma4", "gemma4_text"}) {
    EXPECT_NE(error_of(ErrorCode::Unsupported, [&] { read_model_config(golden_folder() + name); })
                  .find("\"hidden_size_per_layer_input\": embeddings of every layer"),
              std::string::npos);
  }
}

TEST(ArchitectureRegistry, EveryArchitectureHasAGoldenCase) {
  std::set<std::string> covered{"kimi_k2"};
  for (const auto& name : golden_cases()) {
    const Json config = read_json_file(checkpoint_of(name) + "/config.json");
    covered.insert(config.at("model_type"));
    if (config.contains("text_config")) covered.insert(config["text_config"].at("model_type"));
  }
  for (const auto& name : Registry<Architecture>::instance().names())
    EXPECT_EQ(covered.count(name), 1U) << name;
}

}  // namespace
}  // namespace mpq
