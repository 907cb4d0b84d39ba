#pragma once
// A problem quantized as a spec says.
#include "mpq/quant/quantize_unit.h"

namespace mpq {

inline QuantProblem problem_for(const Method& method, QuantProblem problem,
                                at::ScalarType stored_dtype = at::kFloat) {
  problem.encoding = resolved(method.encoding, stored_dtype);
  return problem;
}

inline QuantizedLinear quantized(const std::string& spec, const QuantProblem& problem,
                                 at::ScalarType stored_dtype = at::kFloat) {
  const Method method = make_method(spec);
  return method.quantizer->quantize(problem_for(method, problem, stored_dtype));
}

}  // namespace mpq
