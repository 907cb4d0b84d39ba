// Input scales folded at export give the model that was quantized, on every architecture.
#include "mpq/pipeline/folding.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "mpq/core/json_file.h"
#include "mpq/format/parts.h"
#include "mpq/model/activations.h"
#include "mpq/pipeline/quantize_walk.h"
#include "tests/support/source_path.h"

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
  Folding() : work_(fs::path(testing::TempDir()) / ("mpq-folding-" + GetParam())) {
    fs::remove_all(work_);
  }
  ~Folding() override { fs::remove_all(work_); }

  static at::Tensor logits(const Model& model, const BatchPlan& plan) {
    MemoryBudget memory(-1, testing::TempDir());
    return model.logits(forward_model(model, plan, memory));
  }

  fs::path work_;
};

TEST_P(Folding, TheFoldedCheckpointIsTheQuantizedModel) {
  const std::string folder = folding_goldens() + GetParam();
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  std::vector<TokenSequence> sequences;
  for (int i = 0; i < 4; ++i) {
    TokenSequence tokens;
    for (int t = 0; t < 24; ++t) {
      const int64_t token = 1 + (i * 131 + t * 37) % (model.config().vocab - 1);
      tokens.push_back(static_cast<int32_t>(token));
    }
    sequences.push_back(tokens);
  }
  const BatchPlan plan(sequences, 64);
  for (const char* spec : {"smoothquant:bits=6,group=0,sym", "awq+gptq:bits=5,group=0"}) {
    std::vector<UnitChoice> choices;
    std::set<std::string> quantized;
    for (const auto& unit : make_units(model.config(), true)) {
      for (const auto& module : unit_modules(model.config(), unit)) quantized.insert(module);
      choices.push_back({unit, spec});
    }
    MemoryBudget memory(-1, testing::TempDir());
    const std::string parts = (work_ / "parts").string();
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

INSTANTIATE_TEST_SUITE_P(Architectures, Folding, testing::ValuesIn(tiny_checkpoints()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace mpq
