// What llama-quantize is told of a plan: every matrix in its type, and the inputs of the
// calibration.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "mpq/calib/input_squares.h"
#include "mpq/io/gguf.h"
#include "mpq/io/weight_source.h"
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"
#include "mpq/pipeline/stages.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using Lines = std::vector<std::pair<std::string, std::string>>;  // pattern, type

class Recipe : public testing::Test {
 protected:
  /// A plan of six blocks, calibrated on three questions and a little text.
  explicit Recipe(const std::string& model = "/data/nano-llama") {
    common_.work = folder_.file("work");
    common_.compute.dtype = "float32";
    CalibrateOptions options;
    options.model = MPQ_SOURCE_DIR + model;
    options.task = {folder_.file("task.jsonl")};
    options.prompts.holdout = 0;
    options.prompts.text_windows = 4;
    options.prompts.text_window_tokens = 48;
    write_text_file(options.task[0],
                    "{\"prompt\": \"Question: What color is the flag?\"}\n"
                    "{\"prompt\": \"Question: What do people eat?\\nAnswer:\"}\n"
                    "{\"prompt\": \"Which river runs through it?\"}\n");
    calibrate(common_, options);
    plan_.header = {{"schema", "mpq-plan/1"},
                    {"model", {{"sha256", calibration().at("model_sha256")}}},
                    {"text_share", 0.25}};
  }
  Json calibration() const { return read_json_file(folder_.file("work/calib/manifest.json")); }
  void add(const std::string& spec, std::vector<std::string> modules) {
    plan_.units.push_back({modules.front(), std::move(modules), spec});
  }
  Json make() const {
    write_json_file(options_.plan, to_json(plan_));
    return export_recipe(common_, options_);
  }
  std::string error(ErrorCode code) const {
    return error_of(code, [&] { make(); });
  }
  Lines lines() const {
    std::istringstream text(read_text_file(options_.out + "/tensor-types.txt"));
    Lines result;
    for (std::string line; std::getline(text, line);) {
      const size_t sign = line.find('=');
      result.emplace_back(line.substr(0, sign), line.substr(sign + 1));
    }
    return result;
  }
  /// As llama-quantize reads the lines: the first whose pattern is found in the name.
  static std::string type_of(const Lines& lines, const std::string& name) {
    for (const auto& [pattern, type] : lines) {
      if (std::regex_search(name, std::regex(pattern))) return type;
    }
    return "";
  }
  std::unique_ptr<GgufFile> imatrix() const {
    return std::make_unique<GgufFile>(options_.out + "/imatrix.gguf");
  }
  static at::Tensor numbers(const GgufFile& file, const std::string& name) {
    const GgufTensorInfo& info = *file.find(name);
    EXPECT_EQ(info.type.name, "F32") << name;
    EXPECT_EQ(info.dims.size(), 1U) << name;
    return at::from_blob(const_cast<uint8_t*>(file.data(info).data()), info.dims, at::kFloat)
        .clone();
  }

  TemporaryFolder folder_;
  CommonOptions common_;
  RecipeOptions options_{folder_.file("plan.json"), folder_.file("recipe")};
  Plan plan_;
};

/// Tied, of 64 and 172 inputs.
class SmallRecipe : public Recipe {
 protected:
  SmallRecipe() : Recipe("/tests/golden/architectures/stories260K") {}
};

TEST_F(Recipe, EveryMatrixHasALineOfItsOwn) {
  const std::string block = "model.layers.1.";
  add("gptq:bits=4,group=128,sym",
      {block + "self_attn.q_proj", block + "self_attn.k_proj", block + "self_attn.v_proj"});
  add("rtn:type=iq4_xs", {block + "self_attn.o_proj"});
  add("awq+gptq:bits=3,group=64", {block + "mlp.gate_proj", block + "mlp.up_proj"});
  add("full", {block + "mlp.down_proj"});
  add("rtn:bits=2,group=32", {"model.layers.2.mlp.down_proj"});
  add("rtn:type=q6_k", {"model.embed_tokens"});
  add("rtn:bits=8,group=0", {"lm_head"});
  const Json summary = make();
  const Lines found = lines();
  EXPECT_EQ(found.size(), 44U);
  EXPECT_EQ(found.front(), (Lines::value_type{"^token_embd\\.weight$", "q6_k"}));
  EXPECT_EQ(found.back(), (Lines::value_type{"^output\\.weight$", "q8_0"}));
  for (const char* part : {"attn_q", "attn_k", "attn_v"})
    EXPECT_EQ(type_of(found, fmt::format("blk.1.{}.weight", part)), "q4_k") << part;
  EXPECT_EQ(type_of(found, "blk.1.attn_output.weight"), "iq4_xs");
  EXPECT_EQ(type_of(found, "blk.1.ffn_gate.weight"), "q3_k");
  EXPECT_EQ(type_of(found, "blk.1.ffn_up.weight"), "q3_k");
  EXPECT_EQ(type_of(found, "blk.1.ffn_down.weight"), "bf16");
  EXPECT_EQ(type_of(found, "blk.2.ffn_down.weight"), "q2_k");
  EXPECT_EQ(type_of(found, "blk.0.attn_output.weight"), "bf16");
  EXPECT_EQ(type_of(found, "output_norm.weight"), "");
  EXPECT_EQ(type_of(found, "blk.11.attn_q.weight"), "");
  EXPECT_EQ(summary.at("tensors"), 44);
  EXPECT_EQ(summary.at("types"), Json::parse(R"({"bf16": 35, "iq4_xs": 1, "q2_k": 1, "q3_k": 2,
                                                 "q4_k": 3, "q6_k": 1, "q8_0": 1})"));
  const std::vector<std::string> expected = {"llama-quantize",
                                             "--imatrix",
                                             options_.out + "/imatrix.gguf",
                                             "--tensor-type-file",
                                             options_.out + "/tensor-types.txt",
                                             "model-bf16.gguf",
                                             "model-Q8_0.gguf",
                                             "Q8_0"};
  EXPECT_EQ(summary.at("quantize"), Json(expected));
}

TEST_F(SmallRecipe, WhatBlocksDoNotDivideTakesSmallerOnes) {
  add("gptq:bits=4,group=32", {"model.layers.0.self_attn.o_proj"});
  add("gptq:bits=4,group=4", {"model.layers.0.mlp.down_proj"});
  make();
  const Lines found = lines();
  EXPECT_EQ(found.size(), 36U);  // no output.weight
  EXPECT_EQ(type_of(found, "blk.0.attn_output.weight"), "q5_0");
  EXPECT_EQ(type_of(found, "blk.0.ffn_down.weight"), "f32");
}

TEST_F(Recipe, SumsAreThoseOfTheCalibration) {
  make();
  const PromptSet prompts =
      prompt_set_from_json(read_json_file(folder_.file("work/calib/prompts.json")), "prompts.json");
  std::vector<TokenSequence> task;
  for (const auto& prompt : prompts.task) task.push_back(prompt.tokens);
  const std::string folder = source_path("data/nano-llama");
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  MemoryBudget memory(-1, testing::TempDir());
  const std::vector<BatchPlan> plans{BatchPlan(task, 16), BatchPlan(prompts.text, 64)};
  // The inputs of v, through the norm, and of the head: by the model's own forward pass.
  std::vector<at::Tensor> hidden;
  for (const BatchPlan& plan : plans) hidden.push_back(embed_all(model, plan, memory));
  const auto file = imatrix();
  const double tokens = static_cast<double>(plans[0].rows() + plans[1].rows());
  const auto expect = [&](const std::string& name, const auto& inputs) {
    const at::Tensor of_task = inputs(0).to(at::kDouble).square().mean(0);
    const at::Tensor of_text = inputs(1).to(at::kDouble).square().mean(0);
    const at::Tensor expected =
        tokens * (0.75 * of_task + 0.25 * of_text * (of_task.mean() / of_text.mean()));
    EXPECT_TRUE(at::allclose(numbers(*file, name + ".in_sum2").to(at::kDouble), expected, 1e-4))
        << name;
    EXPECT_EQ(numbers(*file, name + ".counts").item<double>(), tokens) << name;
  };
  for (int64_t index = 0; index < model.config().layers; ++index) {
    const DecoderBlock block = model.load_block(index);
    for (const char* part : {"attn_q", "attn_v"}) {
      expect(fmt::format("blk.{}.{}.weight", index, part), [&](size_t kind) {
        return normalise(hidden[kind], block.side(Side::AttentionNorm), block.config->norm);
      });
    }
    for (size_t kind = 0; kind < 2; ++kind)
      forward_all(block, plans[kind], hidden[kind], hidden[kind]);
  }
  expect("output.weight", [&](size_t kind) { return model.normalised(hidden[kind]); });
}

TEST_F(Recipe, TheImatrixIsAsLlamaCppWritesIt) {
  make();
  const auto file = imatrix();
  const auto value = [&](const char* key) { return *find_gguf_value(file->metadata(), key); };
  EXPECT_EQ(value("general.type"), GgufValue(std::string("imatrix")));
  EXPECT_EQ(value("imatrix.datasets"), GgufValue(GgufArray(std::vector<std::string>{
                                           folder_.file("task.jsonl"), "mpq's general text"})));
  EXPECT_EQ(value("imatrix.chunk_count"), GgufValue(uint32_t{7}));
  EXPECT_EQ(file->tensors().size(), 2U * 43);  // no token_embd
  const double tokens = numbers(*file, "output.weight.counts").item<double>();
  EXPECT_EQ(value("imatrix.chunk_size"), GgufValue(static_cast<uint32_t>(tokens / 7)));
  for (size_t i = 0; i < file->tensors().size(); i += 2) {
    const std::string &sums = file->tensors()[i].name, &counts = file->tensors()[i + 1].name;
    EXPECT_EQ(sums.substr(0, sums.size() - 7) + "counts", counts);
  }
}

TEST_F(SmallRecipe, ATiedEmbeddingIsWeighedAsTheHead) {
  make();
  const auto file = imatrix();
  EXPECT_NE(file->find("token_embd.weight.in_sum2"), nullptr);
  EXPECT_EQ(file->find("output.weight.in_sum2"), nullptr);
}

TEST_F(Recipe, AShareOfNothingCountsTheOtherKindAlone) {
  plan_.header["text_share"] = 0;
  make();
  const auto task = imatrix();
  plan_.header["text_share"] = 1;
  make();
  const auto text = imatrix();
  EXPECT_EQ(numbers(*text, "output.weight.counts").item<float>(), 4 * 48);
  EXPECT_LT(numbers(*task, "output.weight.counts").item<float>(), 4 * 48);
  EXPECT_EQ(*find_gguf_value(task->metadata(), "imatrix.datasets"),
            GgufValue(GgufArray(std::vector<std::string>{folder_.file("task.jsonl")})));
  // One pass served both.
  const auto kept = fs::directory_iterator(folder_.file("work/input-squares"));
  EXPECT_EQ(std::distance(fs::begin(kept), fs::end(kept)), 1);
}

TEST_F(Recipe, UnchangedOnesAreSkippedAndDryRunsWriteNothing) {
  common_.dry_run = true;
  const Json dry = make();
  EXPECT_GT(dry.at("seconds"), 0);
  EXPECT_FALSE(fs::exists(options_.out));
  EXPECT_FALSE(fs::exists(folder_.file("work/input-squares")));
  common_.dry_run = false;
  EXPECT_FALSE(make().contains("skipped"));
  EXPECT_TRUE(make().contains("skipped"));
  add("rtn:bits=4", {"lm_head"});
  EXPECT_FALSE(make().contains("skipped"));
}

TEST_F(Recipe, FaultsAreSaidBeforeAnythingIsWritten) {
  const Plan plan = plan_;
  add("rtn:bits=4", {"model.layers.6.mlp.down_proj"});
  EXPECT_THAT(error(ErrorCode::Format), HasSubstr("has no linear"));
  plan_ = plan;
  add("hir:bits=2,high=4", {"model.layers.0.mlp.down_proj"});
  EXPECT_THAT(error(ErrorCode::Unsupported), HasSubstr("GGUF has no type"));
  plan_ = plan;
  plan_.header["model"]["sha256"] = "0";
  EXPECT_THAT(error(ErrorCode::Usage), HasSubstr("another model"));
  plan_ = plan;
  EXPECT_FALSE(fs::exists(options_.out));
  fs::create_directories(options_.out);
  write_text_file(options_.out + "/notes.txt", "mine");
  EXPECT_THAT(error(ErrorCode::Usage), HasSubstr(options_.out));
  EXPECT_EQ(read_text_file(options_.out + "/notes.txt"), "mine");
  options_.out = folder_.path();
  EXPECT_THAT(error(ErrorCode::Usage), HasSubstr("--out"));
}

}  // namespace
}  // namespace mpq
