#pragma once
// From a spec, or a chain of specs, to the quantized form of a unit.
#include "mpq/quant/quantizer.h"

namespace mpq {

/// "gptq:bits=3", or a chain "awq+gptq:bits=3,group=128": the input scale of the ones before, the
/// codes of the last. An option goes to every member that takes it. Throws Error(Usage) on an
/// unknown name or option, or a chain whose earlier member has no input scale.
std::unique_ptr<Quantizer> make_quantizer(const std::string& spec);

/// The problem with the weight's columns multiplied by `scale` [in], for inputs divided by it;
/// undefined: as it is.
QuantProblem scaled_problem(QuantProblem problem, const at::Tensor& scale);
/// quantize() of scaled_problem().
QuantizedLinear quantize_scaled(const Quantizer& quantizer, QuantProblem problem,
                                const at::Tensor& scale);

}  // namespace mpq
