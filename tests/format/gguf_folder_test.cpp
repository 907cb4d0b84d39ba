// A GGUF file alone becomes the checkpoint that it was made from.
#include "mpq/format/gguf_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "mpq/format/format.h"
#include "mpq/format/gguf_model.h"
#include "mpq/model/architecture.h"
#include "mpq/model/outline_source.h"
#include "mpq/text/tokenizer.h"
#include "tests/format/gguf_cases.h"
#include "tests/format/gguf_file.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

const std::string kNanoFolder = source_path("data/nano-llama");
const char* const kTexts[] = {
    "",
    " ",
    "Hello, world!",
    "  two spaces,\ttabs\n\nand lines \r\n at the end  ",
    "x = 3.14159; y = 1000000 + 42;",
    "It's we'LL they'RE don't",
    "na\u00efve caf\u00e9 \u0441\u043b\u043e\u0432\u043e \u6f22\u5b57\u304b\u306a \ud55c\uad6d "
    "\u0639\u0631\u0628\u064a \u0e44\u0e17\u0e22",
    "\U0001F600\U0001F468\u200D\U0001F469\u200D\U0001F467 e\u0301 \u00a0 \u2581 \u2028",
    "def f(x):\n    if x:\n        return [1, 2, 3]",
    "<s>[INST] a </s> b<|begin|><|end|>  c <|im_start|>user\n<|im_end|><|eot_id|><unk>",
    "\x01\x7f unlikely \xEF\xBF\xBD"};

const AttentionConfig& attention_of(const ModelConfig& model) {
  return model.blocks.front().attention;
}

std::vector<int64_t> windows_of(const ModelConfig& model) {
  std::vector<int64_t> windows;
  for (const auto& block : model.blocks) windows.push_back(block.attention.window);
  return windows;
}

/// The type that a file's own is read as: it says nothing of images, and of Mistral's window.
std::string type_read(const ModelConfig& model) {
  static const std::map<std::string, std::string> kOthers = {{"mistral", "llama"},
                                                             {"gemma3", "gemma3_text"}};
  if (model.model_type == "mistral3")
    return attention_of(model).query_growth > 0 ? "ministral3" : "mistral";
  const auto found = kOthers.find(model.model_type);
  return found == kOthers.end() ? model.model_type : found->second;
}

bool is_gemma(const ModelConfig& model) { return model.model_type.starts_with("gemma"); }

/// In these families layers have windows in every period of so many; 0: as the checkpoint says.
std::vector<int64_t> windows_read(const ModelConfig& model) {
  std::vector<int64_t> windows = windows_of(model);
  if (model.model_type == "phi3" || model.model_type == "gemma2" || model.model_type == "cohere2")
    return windows;
  if (!is_gemma(model)) return std::vector<int64_t>(windows.size(), 0);
  const int64_t window = *std::max_element(windows.begin(), windows.end());
  for (size_t layer = 0; layer < windows.size(); ++layer)
    windows[layer] = (layer + 1) % 6 != 0 ? window : 0;
  return windows;
}

void expect_same_rope(const ModelConfig& found, const ModelConfig& expected) {
  RopeConfig rope = attention_of(expected).rope;
  EXPECT_EQ(attention_of(found).rope.dim, rope.dim);
  EXPECT_EQ(attention_of(found).rope.interleaved, rope.interleaved);
  if (rope.kind == RopeKind::Dynamic) return;               // no GGUF file says so
  if (expected.model_type == "gemma2") rope.theta = 10000;  // nor another one of Gemma
  for (const int64_t length : {int64_t{8}, expected.max_positions}) {
    const RopeTables a = rope_tables(attention_of(found).rope, 0, length);
    const RopeTables b = rope_tables(rope, 0, length);
    EXPECT_TRUE(at::allclose(a.cos, b.cos, 1e-5, 1e-4)) << length;
    EXPECT_TRUE(at::allclose(a.sin, b.sin, 1e-5, 1e-4)) << length;
  }
}

void expect_same_config(const ModelConfig& found, const ModelConfig& expected) {
  EXPECT_EQ(found.model_type, type_read(expected));
  EXPECT_EQ(found.layers, expected.layers);
  EXPECT_EQ(found.hidden, expected.hidden);
  const BlockConfig &block = found.blocks.front(), &other = expected.blocks.front();
  EXPECT_EQ(block.intermediate, other.intermediate);
  EXPECT_EQ(found.vocab, expected.vocab);
  EXPECT_EQ(block.attention.heads, other.attention.heads);
  EXPECT_EQ(block.attention.kv_heads, other.attention.kv_heads);
  EXPECT_EQ(block.attention.head_dim, other.attention.head_dim);
  EXPECT_EQ(found.max_positions, expected.max_positions);
  EXPECT_EQ(block.norm.eps, other.norm.eps);
  EXPECT_EQ(block.norm.kind, other.norm.kind);
  EXPECT_EQ(block.attention.head_norm, other.attention.head_norm);
  EXPECT_EQ(block.activation, other.activation);
  EXPECT_EQ(found.embedding_scale, expected.embedding_scale);
  EXPECT_EQ(block.attention.softcap, other.attention.softcap);
  EXPECT_EQ(found.logits_softcap, expected.logits_softcap);
  // What query_pre_attn_scalar says llama.cpp's converter leaves out.
  EXPECT_EQ(block.attention.scale,
            is_gemma(expected) ? 1 / std::sqrt(static_cast<double>(other.attention.head_dim))
                               : other.attention.scale);
  EXPECT_EQ(windows_of(found), windows_read(expected));
  EXPECT_EQ(block.attention.query_growth, other.attention.query_growth);
  EXPECT_NEAR(found.logits_scale, expected.logits_scale, 1e-7);
  EXPECT_EQ(block.residual_scale, other.residual_scale);
  EXPECT_EQ(block.parallel, other.parallel);
  EXPECT_EQ(block.router.experts, other.router.experts);
  EXPECT_EQ(block.router.top_k, other.router.top_k);
  EXPECT_EQ(block.router.renormalise, other.router.renormalise);
  ASSERT_EQ(block.linears.size(), other.linears.size());
  for (size_t i = 0; i < block.linears.size(); ++i) {
    EXPECT_EQ(block.linears[i].module, other.linears[i].module);
    EXPECT_EQ(block.linears[i].bias, other.linears[i].bias);
  }
  expect_same_rope(found, expected);
}

/// A checkpoint's name of a tensor; in one that reads images too the language model's stand behind
/// another prefix.
std::string name_in(const WeightSource& weights, const std::string& name) {
  const std::string rest = name.starts_with("model.") ? name.substr(5) : name;
  for (const std::string& other : weights.names()) {
    if (other == name || (other.ends_with(rest) && other.find("language_model") != other.npos))
      return other;
  }
  return "";
}

void expect_same_weights(const std::string& folder, const WeightSource& expected) {
  const auto found = open_checkpoint(folder);
  for (const std::string& name : found->names()) {
    const std::string other = name_in(expected, name);
    ASSERT_NE(other, "") << name;
    EXPECT_TRUE(
        found->load(name).to(at::kFloat).allclose(expected.load(other).to(at::kFloat), 1e-6, 1e-6))
        << name;
  }
}

/// `with_special`: tokens put around a text too; `without`: texts with this are passed over.
void expect_same_ids(const std::string& folder, const std::string& expected,
                     bool with_special = true, const std::string& without = "") {
  const auto a = Tokenizer::load(folder), b = Tokenizer::load(expected);
  for (const std::string text : kTexts) {
    if (!without.empty() && text.find(without) != std::string::npos) continue;
    const auto ids = a->encode(text, with_special);
    EXPECT_EQ(ids, b->encode(text, with_special)) << text;
    EXPECT_EQ(a->decode(ids, false), b->decode(ids, false)) << text;
  }
}

void expect_same_tokenizer(const GgufModel& found, const GgufModel& expected) {
  for (const GgufEntry& entry : expected.metadata) {
    // The template for pairs is not in a GGUF file.
    if (!entry.key.starts_with("tokenizer.") || entry.key == "tokenizer.ggml.add_sep_token")
      continue;
    const GgufValue* value = find_gguf_value(found.metadata, entry.key);
    ASSERT_NE(value, nullptr) << entry.key;
    EXPECT_EQ(golden_entry({entry.key, *value}), golden_entry(entry));
  }
}

class GgufFolder : public testing::TestWithParam<std::string> {};

TEST_P(GgufFolder, IsTheCheckpointAgain) {
  const GgufCase golden(GetParam());
  if (!golden.at_hand()) GTEST_SKIP() << "its tokenizer is not at hand";
  const auto weights = golden.weights();
  const GgufModel model = make_gguf_model(golden.folder(), *weights, 0);
  TemporaryFolder place;
  const std::string file = place.file(GetParam() + ".gguf");
  write_gguf(file, model, golden.has_data() ? weights.get() : nullptr);
  const std::string folder = gguf_folder(file, place.file("cache"));

  const ModelConfig expected = read_model_config(golden.folder());
  expect_same_config(read_model_config(folder), expected);
  if (golden.has_data()) expect_same_weights(folder, *weights);
  // Phi-3's own files put no <s> before a text, and take the spaces behind a special token to it.
  const bool of_phi = GetParam() == "phi-tokens";
  if (fs::exists(golden.folder() + "/tokenizer.json"))
    expect_same_ids(folder, golden.folder(), !of_phi, of_phi ? "</s>" : "");
  if (const GgufValue* expected_chat = find_gguf_value(model.metadata, "tokenizer.chat_template")) {
    Json chat = read_json_file(folder + "/tokenizer_config.json").at("chat_template");
    if (chat.is_array()) chat = chat.at(0).at("template");
    EXPECT_EQ(chat, std::get<std::string>(*expected_chat));
  }
  // Made into a file again, it says the same of itself.
  const bool is_bpe =
      std::get<std::string>(*find_gguf_value(model.metadata, "tokenizer.ggml.model")) == "gpt2";
  if (golden.has_data() && is_bpe)
    expect_same_tokenizer(make_gguf_model(folder, *open_checkpoint(folder), 0), model);
}

INSTANTIATE_TEST_SUITE_P(Cases, GgufFolder, testing::ValuesIn(gguf_case_names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

TEST(GgufFolderOf, AFileThatTheFormatWrote) {
  const auto weights = open_safetensors_folder(kNanoFolder);
  ExportJob job;
  job.source_folder = kNanoFolder;
  job.base = weights.get();
  job.plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
  TemporaryFolder place;
  OutputFolder output(place.file("out"), false);
  Registry<Format>::instance().make("gguf")->write(job, output);
  output.commit();
  fs::rename(place.file("out/model.gguf"), place.file("alone.gguf"));
  const std::string folder = gguf_folder(place.file("alone.gguf"), place.file("cache"));
  expect_same_config(read_model_config(folder), read_model_config(kNanoFolder));
  EXPECT_EQ(read_json_file(folder + "/generation_config.json").at("eos_token_id"), Json({0}));
  expect_same_ids(folder, kNanoFolder);
  const auto found = open_checkpoint(folder);
  EXPECT_EQ(found->names(), weights->names());
  for (const std::string& name : found->names())
    EXPECT_TRUE(found->load(name).to(at::kFloat).equal(weights->load(name).to(at::kFloat))) << name;
}

TEST(GgufFolderOf, PublishedRopeFactorsAreLlama3AgainAndAWindowIsMistral) {
  TemporaryFolder place;
  for (const auto& entry : fs::directory_iterator(kNanoFolder))
    if (entry.is_regular_file()) fs::copy(entry.path(), place.path());
  Json config = read_json_file(kNanoFolder + "/config.json");
  config["rope_parameters"] = {
      {"rope_type", "llama3"},   {"rope_theta", 500000.0},
      {"factor", 32.0},          {"low_freq_factor", 1.0},
      {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
  write_json_file(place.file("config.json"), config);
  GgufModel model = make_gguf_model(place.path(), *open_safetensors_folder(kNanoFolder), 0);
  model.metadata.push_back({"llama.attention.sliding_window", uint32_t{99}});
  write_gguf(place.file("a.gguf"), model, nullptr);
  const ModelConfig found = read_model_config(gguf_folder(place.file("a.gguf"), place.path()));
  EXPECT_EQ(found.model_type, "mistral");
  EXPECT_EQ(windows_of(found), std::vector<int64_t>(6, 99));
  EXPECT_EQ(attention_of(found).rope.kind, RopeKind::Llama3);
  EXPECT_EQ(attention_of(found).rope.factor, 32);
  EXPECT_EQ(attention_of(found).rope.original_max_positions, 8192);
}

/// The configuration of a case with other members, and what a file of it is read as.
std::pair<ModelConfig, ModelConfig> read_again(const std::string& name, const Json& members) {
  const GgufCase golden(name);
  Json config = read_json_file(golden.folder() + "/config.json");
  config.update(members);
  write_json_file(golden.folder() + "/config.json", config);
  const ModelConfig expected = read_model_config(golden.folder());
  const GgufModel model =
      make_gguf_model(golden.folder(), OutlineSource(expected, at::kFloat), kAllF32);
  EXPECT_THAT(model.deviations, testing::IsEmpty());
  TemporaryFolder place;
  write_gguf(place.file("a.gguf"), model, nullptr);
  return {read_model_config(gguf_folder(place.file("a.gguf"), place.file("cache"))), expected};
}

TEST(GgufFolderOf, TheLargestExaone4HasItsWindows) {
  const auto [found, expected] =
      read_again("exaone4", {{"num_hidden_layers", 64}, {"hidden_size", 48}});
  EXPECT_EQ(windows_of(found), windows_of(expected));
  EXPECT_EQ(windows_of(found)[2], 8);
  for (int64_t layer = 0; layer < 64; ++layer)
    EXPECT_EQ(found.block(layer).attention.rotates, expected.block(layer).attention.rotates);
}

TEST(GgufFolderOf, Gemma3HasARopeForWindowsAndOneForAllPositions) {
  const auto [found, expected] = read_again(
      "gemma-3-1b-it",
      {{"num_hidden_layers", 7}, {"sliding_window_pattern", 6}, {"query_pre_attn_scalar", 12}});
  EXPECT_EQ(windows_of(found), windows_of(expected));
  for (const int64_t layer : {0, 5, 6}) {
    const RopeConfig &a = found.block(layer).attention.rope,
                     &b = expected.block(layer).attention.rope;
    EXPECT_EQ(a.theta, b.theta) << layer;
    EXPECT_EQ(a.kind, b.kind) << layer;
    EXPECT_EQ(a.factor, b.factor) << layer;
  }
  EXPECT_EQ(found.block(5).attention.rope.kind, RopeKind::Linear);
}

TEST(GgufFolderOf, AnUnchangedFileIsMadeOnce) {
  const NanoGguf nano;
  TemporaryFolder place;
  const std::string file = place.file("a.gguf"), cache = place.file("cache");
  nano.write(file);
  const std::string folder = gguf_folder(file, cache);
  const auto written = fs::last_write_time(folder + "/config.json");
  EXPECT_EQ(gguf_folder(file, cache), folder);
  EXPECT_EQ(fs::last_write_time(folder + "/config.json"), written);
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  EXPECT_NE(gguf_folder(file, cache), folder);
  for (const auto& entry : fs::directory_iterator(cache))
    EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos);
}

}  // namespace
}  // namespace mpq
