// Checkpoints that a GGUF file cannot be made of, and what no golden shows.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>

#include "mpq/core/error.h"
#include "mpq/format/gguf_model.h"
#include "tests/format/gguf_cases.h"

namespace mpq {
namespace {

class Checkpoint {
 public:
  explicit Checkpoint(const std::string& name) : golden_(name), weights_(golden_.weights()) {}

  GgufModel model() const { return make_gguf_model(golden_.folder(), *weights_, kAllF32); }
  std::string path(const std::string& file) const { return golden_.folder() + "/" + file; }
  void edit(const std::string& file, const std::function<void(Json&)>& change) const {
    Json value = read_json_file(path(file));
    change(value);
    write_json_file(path(file), value);
  }
  void expect_error(ErrorCode code, const std::string& part) const {
    try {
      model();
      ADD_FAILURE() << "accepted; expected: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  }
  /// The list of tokens, their scores or types.
  template <class T>
  std::vector<T> list(const std::string& key) const {
    const GgufModel made = model();
    return std::get<std::vector<T>>(
        std::get<GgufArray>(*find_gguf_value(made.metadata, "tokenizer.ggml." + key)));
  }

 private:
  GgufCase golden_;
  std::unique_ptr<WeightSource> weights_;
};

/// A format error is fine, and so is what a reader cannot tell from a model; a crash is not.
void survive(const Checkpoint& checkpoint) {
  try {
    checkpoint.model();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Format) << error.what();
  }
}

TEST(GgufDamage, SentencePieceModelCutOrChangedAnywhere) {
  const Checkpoint checkpoint("llama_linear");
  const std::string path = checkpoint.path("tokenizer.model");
  const std::string whole = read_text_file(path);
  for (size_t at = 0; at < whole.size(); at += 11) {
    write_text_file(path, whole.substr(0, at));
    survive(checkpoint);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0xFF);
    write_text_file(path, changed);
    survive(checkpoint);
  }
  write_text_file(path, "");
  checkpoint.expect_error(ErrorCode::Format, "found no piece");
  write_text_file(path, "\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
  checkpoint.expect_error(ErrorCode::Format, "truncated");
}

TEST(GgufDamage, TokenizerFilesThatAreNone) {
  const Checkpoint checkpoint("qwen3_default");
  const std::string whole = read_text_file(checkpoint.path("tokenizer.json"));
  const std::vector<std::pair<std::function<void(Json&)>, std::string>> damages = {
      {[](Json& file) { file["model"]["vocab"]["zz"] = 97; }, "below the model's vocabulary of 97"},
      {[](Json& file) { file["model"]["merges"] = "a b"; }, ""},
      {[](Json& file) { file["model"]["vocab"]["zz"] = -1; }, ""},
      {[](Json& file) { file["added_tokens"][0].erase("content"); }, "content"},
      {[](Json& file) { file["added_tokens"] = 3; }, "added_tokens"},
      {[](Json& file) { file.erase("model"); }, "model"}};
  for (size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE(i);
    write_text_file(checkpoint.path("tokenizer.json"), whole);
    checkpoint.edit("tokenizer.json", damages[i].first);
    checkpoint.expect_error(ErrorCode::Format, damages[i].second);
  }
}

TEST(GgufDamage, ConfigurationsThatTheFormatCannotHold) {
  const Checkpoint checkpoint("llama_linear");
  const auto set = [&](const char* key, Json value) {
    checkpoint.edit("config.json", [&](Json& config) { config[key] = value; });
  };
  set("bos_token_id", -7);
  checkpoint.expect_error(ErrorCode::Format, "found -7");
  set("bos_token_id", -1);
  EXPECT_EQ(find_gguf_value(checkpoint.model().metadata, "tokenizer.ggml.bos_token_id"), nullptr);
  set("max_position_embeddings", int64_t{1} << 40);
  checkpoint.expect_error(ErrorCode::Format, "context_length");
  set("max_position_embeddings", 128);
  set("intermediate_size", 64);
  checkpoint.expect_error(ErrorCode::Format, "expected [64, ");
}

TEST(GgufDamage, PreTokenizers) {
  const Checkpoint checkpoint("qwen3_default");
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  const auto set = [&](const Json& first, bool use_regex) {
    Json second = bytes;
    second["use_regex"] = use_regex;
    checkpoint.edit("tokenizer.json", [&](Json& file) {
      file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {first, second}}};
    });
  };
  const auto pre = [&] {
    return std::get<std::string>(
        *find_gguf_value(checkpoint.model().metadata, "tokenizer.ggml.pre"));
  };
  set({{"type", "Digits"}, {"individual_digits", true}}, true);
  EXPECT_EQ(pre(), "smollm");
  const auto split = [](const std::string& digits) -> Json {
    return {{"type", "Split"},
            {"pattern",
             {{"Regex", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits +
                            R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}},
            {"behavior", "Isolated"},
            {"invert", false}};
  };
  set(split(R"(\p{N})"), false);
  EXPECT_EQ(pre(), "qwen2");
  set(split(R"(\p{N}{1,3})"), false);
  EXPECT_EQ(pre(), "llama-bpe");
  set(split(R"(\p{N}{1,2})"), false);
  checkpoint.expect_error(ErrorCode::Unsupported, "hash");
  set(split(R"(\p{N})"), true);
  checkpoint.expect_error(ErrorCode::Unsupported, "hash");
}

TEST(GgufDamage, MergedTokensHaveTheirRankAsScore) {
  const Checkpoint checkpoint("stories260K");
  const auto tokens = checkpoint.list<std::string>("tokens");
  const auto scores = checkpoint.list<float>("scores");
  const auto types = checkpoint.list<int32_t>("token_type");
  const Json file = read_json_file(checkpoint.path("tokenizer.json"));
  const Json& merges = file.at("model").at("merges");
  for (const size_t rank : {0, 1, 100}) {
    auto token = merges.at(rank).get<std::string>();
    token.erase(token.find(' '), 1);
    const auto at = std::find(tokens.begin(), tokens.end(), token) - tokens.begin();
    EXPECT_EQ(scores.at(static_cast<size_t>(at)), -static_cast<float>(rank)) << token;
  }
  EXPECT_EQ(tokens[13], "<0x0A>");
  EXPECT_EQ(types[13], 6);
  EXPECT_LE(scores[13], -static_cast<float>(merges.size()));
}

TEST(GgufModelDeviations, AreNamed) {
  EXPECT_TRUE(Checkpoint("Tiny-Llama-97K-Instruct-v0.2").model().deviations.empty());
  EXPECT_TRUE(Checkpoint("phi3_window").model().deviations.empty());
  EXPECT_THAT(Checkpoint("Mistral-7B-Instruct-v0.1").model().deviations,
              testing::ElementsAre("attention has no sliding window"));
  EXPECT_THAT(Checkpoint("llama_dynamic").model().deviations,
              testing::ElementsAre("rope is not scaled with the length"));
  EXPECT_THAT(Checkpoint("gemma-2-2b-it").model().deviations,
              testing::ElementsAre(testing::HasSubstr("query_pre_attn_scalar"),
                                   testing::HasSubstr("the rope base is 10000, not 1000")));
  for (const char* name : {"qwen3_moe", "Qwen1.5-MoE-A2.7B", "mixtral", "olmo2", "smollm3",
                           "granite", "glm4", "cohere2", "seed_oss", "ministral3", "mistral3"})
    EXPECT_THAT(Checkpoint(name).model().deviations, testing::IsEmpty()) << name;
  EXPECT_THAT(Checkpoint("gemma-3-1b-it").model().deviations,
              testing::ElementsAre(testing::HasSubstr("query_pre_attn_scalar"),
                                   testing::HasSubstr("each 6. layer")));
  EXPECT_THAT(Checkpoint("mixtral_window").model().deviations,
              testing::ElementsAre("attention has no sliding window"));
  EXPECT_THAT(Checkpoint("smollm3_window").model().deviations,
              testing::ElementsAre(testing::HasSubstr("every fourth"), testing::HasSubstr("window"),
                                   testing::HasSubstr("does not load")));
  EXPECT_THAT(Checkpoint("exaone4").model().deviations,
              testing::ElementsAre(testing::HasSubstr("no sliding window"),
                                   testing::HasSubstr("the stream's 40 channels")));
}

TEST(GgufModelDeviations, RoutersThatWeighOtherwise) {
  for (const char* name : {"qwen3_moe", "Qwen1.5-MoE-A2.7B"}) {
    const Checkpoint checkpoint(name);
    checkpoint.edit("config.json", [](Json& config) {
      config["norm_topk_prob"] = !config["norm_topk_prob"].get<bool>();
    });
    EXPECT_THAT(checkpoint.model().deviations,
                testing::ElementsAre(testing::HasSubstr("chosen experts")));
  }
}

TEST(GgufDamage, AFamilyThatIsNotWrittenIsNamedBesideThoseThatAre) {
  const Checkpoint checkpoint("olmo2");
  checkpoint.edit("config.json", [](Json& config) { config["model_type"] = "olmo3"; });
  checkpoint.expect_error(ErrorCode::Unsupported, "\"olmo3\"; it is written for cohere2, exaone4");
}

TEST(GgufDamage, LayersWithAndWithoutExperts) {
  const Checkpoint checkpoint("qwen3_moe");
  checkpoint.edit("config.json", [](Json& config) { config["mlp_only_layers"] = {1}; });
  checkpoint.expect_error(ErrorCode::Unsupported, "some layers have experts");
}

TEST(GgufRowOrder, TakesTheHalvesOfAHeadInTurn) {
  EXPECT_EQ(gguf_row_order(8, 2), (std::vector<int64_t>{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_THROW(gguf_row_order(6, 2), Error);
  EXPECT_THROW(gguf_row_order(4, 0), Error);
}

TEST(GgufModelFile, IsWrittenAndReadBack) {
  const Checkpoint checkpoint("stories260K");
  const GgufModel model = checkpoint.model();
  const auto weights = open_safetensors_folder(checkpoint.path("."));
  std::vector<GgufTensorPlan> plan;
  for (const GgufTensor& tensor : model.tensors)
    plan.push_back({tensor.name, tensor.dims(), *find_gguf_type("F32")});
  const std::string path = checkpoint.path("model.gguf");
  GgufWriter writer(path, model.metadata, plan);
  for (const GgufTensor& tensor : model.tensors) {
    const at::Tensor value = weights->load(tensor.source).to(at::kFloat).contiguous();
    writer.write(tensor.name,
                 {static_cast<const uint8_t*>(value.const_data_ptr()), value.nbytes()});
  }
  writer.finish();
  EXPECT_EQ(writer.bytes(), static_cast<int64_t>(std::filesystem::file_size(path)));
  const GgufFile file(path);
  EXPECT_EQ(file.metadata(), model.metadata);
  EXPECT_EQ(file.tensors().size(), model.tensors.size());
}

}  // namespace
}  // namespace mpq
