// Input scales folded at export give the model that was quantized, on every architecture.
#include "mpq/pipeline/folding.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "mpq/calib/fisher.h"
#include "mpq/core/json_file.h"
#include "mpq/format/parts.h"
#include "mpq/model/activations.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/quantize_walk.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

std::string folding_goldens() { return source_path("tests/golden/architectures/"); }

std::vector<std::string> tiny_checkpoints() {
  const Json cases = read_json_file(folding_goldens() + "cases.json");
  return cases.at("tiny").get<std::vector<std::string>>();
}

/// The checkpoint as a format would write it, dequantized.
class FoldedSource final : public WeightSource {
 public:
  FoldedSource(const FoldedParts& parts, std::set<std::string> quantized)
      : parts_(parts), quantized_(std::move(quantized)) {}
  std::vector<std::string> names() const override { return parts_.base().names(); }
  std::vector<int64_t> shape(const std::string& name) const override {
    return parts_.base().shape(name);
  }
  at::ScalarType dtype(const std::string& name) const override { return parts_.base().dtype(name); }
  at::Tensor load(const std::string& name) const override {
    const std::string module = name.substr(0, name.rfind('.'));
    const bool packed = name.ends_with(".weight") && quantized_.count(module) != 0;
    return packed ? dequantize(parts_.linear(module)) : parts_.base().load(name);
  }

 private:
  const FoldedParts& parts_;
  std::set<std::string> quantized_;
};

class Folding : public testing::TestWithParam<std::string> {
 protected:
  static at::Tensor logits(const Model& model, const BatchPlan& plan) {
    MemoryBudget memory(-1, testing::TempDir());
    return model.logits(forward_model(model, plan, memory));
  }

  static BatchPlan prompts(const Model& model) {
    std::vector<TokenSequence> sequences;
    for (int i = 0; i < 4; ++i) {
      TokenSequence tokens;
      for (int t = 0; t < 24; ++t) {
        const int64_t token = 1 + (i * 131 + t * 37) % (model.config().vocab - 1);
        tokens.push_back(static_cast<int32_t>(token));
      }
      sequences.push_back(tokens);
    }
    return BatchPlan(sequences, 64);
  }

  TemporaryFolder work_;
};

TEST_P(Folding, TheFoldedCheckpointIsTheQuantizedModel) {
  const std::string folder = folding_goldens() + GetParam();
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const BatchPlan plan = prompts(model);
  for (const char* spec : {"smoothquant:bits=6,group=0,sym", "awq+gptq:bits=5,group=0"}) {
    std::vector<UnitChoice> choices;
    std::set<std::string> quantized;
    for (const auto& unit : make_units(model.config(), true)) {
      for (const auto& module : unit_modules(model.config(), unit)) quantized.insert(module);
      choices.push_back({unit, spec});
    }
    MemoryBudget memory(-1, testing::TempDir());
    const std::string parts = work_.file("parts");
    fs::remove_all(parts);
    quantize_to_parts(model, {{plan}}, choices, {.text_share = 0}, parts, memory);
    const int64_t layers = model.config().layers;
    const Model unfolded(folder, open_parts(model.weights(), parts, layers), {.dtype = "float32"});
    const FoldedParts folded_parts(model, parts);
    const Model folded(folder, std::make_unique<FoldedSource>(folded_parts, quantized),
                       {.dtype = "float32"});
    const auto expected = logits(unfolded, plan);
    const double scale = expected.abs().max().item<double>();
    EXPECT_LT((logits(folded, plan) - expected).abs().max().item<double>(), 1e-4 * scale)
        << GetParam() << " " << spec;
    if (std::string(spec).rfind("smooth", 0) != 0) continue;  // AWQ may find that nothing helps
    const auto norm = model.load_block(0).side(Side::AttentionNorm);
    EXPECT_FALSE(norm.equal(folded.load_block(0).side(Side::AttentionNorm))) << spec;
  }
}

/// The rows that produce down's inputs have two widths, each with scales of its own.
TEST_P(Folding, AnExportedHybridIsDividedInEachOfItsPieces) {
  const std::string folder = folding_goldens() + GetParam();
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const BatchPlan sequences = prompts(model);
  Plan plan;
  plan.header = {{"schema", "mpq-plan/1"}};
  for (const auto& unit : make_units(model.config(), true)) {
    std::string spec = "rtn:bits=6,group=0";
    if (unit.stage == Stage::MlpIn) spec = "hir:bits=4,high=6,group=8,iterations=0";
    if (unit.stage == Stage::MlpOut) spec = "smoothquant:bits=6,group=0,sym";
    plan.units.push_back({unit.name, unit_modules(model.config(), unit), spec});
  }
  ChannelFisher fisher;  // which channels are wide does not matter here
  for (int64_t block = 0; block < model.config().layers; ++block) {
    fisher.emplace_back();
    for (const auto& linear : model.config().block(block).linears)
      fisher.back().push_back(at::arange(linear.in, at::kFloat));
  }
  MemoryBudget memory(-1, testing::TempDir());
  const std::string parts = work_.file("parts");
  quantize_to_parts(model, {{sequences}}, resolve_plan(plan, model),
                    {.text_share = 0, .fisher = &fisher}, parts, memory);
  const auto scales = load_input_scales(part_path(parts, 0));
  ASSERT_EQ(scales.size(), 1U);  // down's, and it divides something
  ASSERT_FALSE(scales.begin()->second.eq(1).all().item<bool>());
  const std::string out = work_.file("out");
  const FoldedParts folded_parts(model, parts);
  OutputFolder output(out, false);
  Registry<Format>::instance().make("mpq")->write(export_job(model, plan, &folded_parts), output);
  output.commit();
  const int64_t layers = model.config().layers;
  const Model unfolded(folder, open_parts(model.weights(), parts, layers), {.dtype = "float32"});
  const Model exported(folder, open_checkpoint(out), {.dtype = "float32"});
  const auto expected = logits(unfolded, sequences);
  const double scale = expected.abs().max().item<double>();
  EXPECT_LT((logits(exported, sequences) - expected).abs().max().item<double>(), 1e-4 * scale);
}

INSTANTIATE_TEST_SUITE_P(Architectures, Folding, testing::ValuesIn(tiny_checkpoints()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace mpq
