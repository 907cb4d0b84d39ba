// GPTQ's layer errors on nano-llama's linears against numpy's (tools/golden/make_gptq.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/calib/block_pass.h"
#include "mpq/calib/stage_moments.h"
#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"
#include "mpq/model/unit.h"
#include "tests/quant/golden_case.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

/// The Hessian of a linear's inputs in the full-precision model, over the golden's sequences.
at::Tensor input_hessian(const Model& model, const std::vector<TokenSequence>& sequences,
                         int64_t block, Stage stage) {
  MemoryBudget memory(-1, testing::TempDir());
  std::vector<SequenceGroup> groups{{BatchPlan(sequences, 4096)}};
  Streams hidden = embed_groups(model, groups, memory);
  for (int64_t index = 0; index < block; ++index)
    forward_groups(model.load_block(index), groups, hidden);
  const DecoderBlock weights = model.load_block(block);
  BlockPass pass(groups, hidden, memory, kept_inputs(*weights.config, groups, false, 0));
  while (pass.stage() != stage) pass.advance(weights);
  const StageSource source{.groups = groups, .rows = [&](size_t group, const Batch& batch) {
                             return pass.rows(weights, group, batch);
                           }};
  return gather_moments(source, {.hessian = true}, "linear").at(kDense).hessian->matrix();
}

TEST(GptqLayers, ErrorsAreWithinOnePercentOfNumpys) {
  const std::string path = source_path("tests/golden/gptq/nano.json");
  const Json golden = read_json_file(path);
  const std::string folder = source_path(golden.at("model").get<std::string>());
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const auto sequences = json_get<std::vector<TokenSequence>>(golden, "ids", path);
  int compared = 0;
  for (const Unit& unit : make_units(model.config(), false)) {
    const std::string module = unit_modules(model.config(), unit).front();
    if (!golden.at("linears").contains(module)) continue;
    const Json& expected = golden.at("linears").at(module);
    const auto matrix = input_hessian(model, sequences, unit.block, unit.stage);
    const QuantProblem problem{module, stacked_weight(model.load_block(unit.block), unit),
                               std::make_shared<Hessian>(matrix)};
    const auto error = [&](const char* spec) {
      return layer_error(problem.weight, dequantize(quantized(spec, problem)), matrix);
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
