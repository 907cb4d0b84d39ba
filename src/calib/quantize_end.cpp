// Quantizes what stands before and behind the blocks.
#include "mpq/calib/quantize_end.h"

#include <ATen/ATen.h>

#include "input_sums.h"
#include "mpq/calib/hessian_accumulator.h"
#include "mpq/core/error.h"

namespace mpq {

std::shared_ptr<const Hessian> head_hessian(const Model& model,
                                            const std::vector<SequenceGroup>& groups,
                                            const Streams& outputs) {
  HessianAccumulator sum(model.config().hidden);
  int64_t rows = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (g >= outputs.size() || !outputs[g].defined()) continue;
    for (const Batch& batch : groups[g].plan.batches()) {
      sum.add(model.normalised(rows_of(outputs[g], batch)));
      rows += batch.rows;
    }
  }
  require(rows > 0, ErrorCode::Internal, "head: there are no outputs to read");
  const at::Tensor matrix = sum.matrix(2.0 / static_cast<double>(rows));
  check_inputs(matrix, "head");
  return std::make_shared<Hessian>(matrix);
}

QuantizedLinear quantize_end(const Model& model, const Unit& unit, const Method& method,
                             const std::shared_ptr<const Hessian>& head) {
  QuantProblem problem{
      .name = unit.name, .weight = model.end_weight(unit), .encoding = method.encoding};
  problem.hessian = unit.end != End::Embedding && head != nullptr
                        ? head
                        : std::make_shared<Hessian>(at::eye(unit.in, at::kFloat));
  problem.max_abs = problem.mean_abs = problem.hessian->diagonal().sqrt();
  QuantizedLinear quantized = method.quantizer->quantize(problem);
  validate(quantized, unit.name);
  return quantized;
}

}  // namespace mpq
