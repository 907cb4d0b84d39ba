// GPTQ's layer errors on nano-llama's linears against numpy's (tools/golden/make_gptq.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/calib/hessian_accumulator.h"
#include "mpq/calib/sequence_group.h"
#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"
#include "mpq/model/unit.h"
#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

std::string source(const std::string& path) { return std::string(MPQ_SOURCE_DIR) + "/" + path; }

/// The Hessian of a linear's inputs in the full-precision model, over the golden's sequences.
at::Tensor input_hessian(const Model& model, const std::vector<TokenSequence>& sequences,
                         int64_t block, Stage stage) {
  MemoryBudget memory(-1, testing::TempDir());
  std::vector<SequenceGroup> groups{{BatchPlan(sequences, 4096)}};
  GroupHidden hidden = embed_groups(model, groups, memory);
  for (int64_t index = 0;; ++index) {
    const DecoderBlock weights = model.load_block(index);
    GroupStates states = enter_groups(model.config(), weights, groups, hidden, memory);
    for (int s = 0; s < kStages; ++s) {
      if (index == block && s == static_cast<int>(stage)) return stage_hessian(groups, states, 0);
      states =
          advance_groups(model.config(), weights, static_cast<Stage>(s), groups, states, memory);
    }
    hidden = {states[0].residual};
  }
}

TEST(GptqLayers, ErrorsAreWithinOnePercentOfNumpys) {
  const std::string path = source("tests/golden/gptq/nano.json");
  const Json golden = read_json_file(path);
  const std::string folder = source(golden.at("model").get<std::string>());
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const auto sequences = json_get<std::vector<TokenSequence>>(golden, "ids", path);
  const auto& registry = Registry<Quantizer>::instance();
  int compared = 0;
  for (const Unit& unit : make_units(model.config(), false)) {
    const std::string module = unit_modules(model.config(), unit).front();
    if (!golden.at("linears").contains(module)) continue;
    const Json& expected = golden.at("linears").at(module);
    const auto matrix = input_hessian(model, sequences, unit.block, unit.stage);
    const QuantProblem problem{module, stacked_weight(model.load_block(unit.block), unit),
                               std::make_shared<Hessian>(matrix), at::kFloat};
    const auto error = [&](const char* spec) {
      const auto quantized = dequantize(registry.make(spec)->quantize(problem));
      return layer_error(problem.weight, quantized, matrix);
    };
    const double rtn = expected.at("rtn_error");
    const double gptq = expected.at("error");
    EXPECT_NEAR(error("rtn:bits=3,group=128"), rtn, 0.01 * rtn) << module;
    EXPECT_NEAR(error("gptq:bits=3,group=128"), gptq, 0.01 * gptq) << module;
    ++compared;
  }
  EXPECT_EQ(compared, static_cast<int>(golden.at("linears").size()));
}

}  // namespace
}  // namespace mpq
