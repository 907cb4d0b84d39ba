#pragma once
// From a spec, or a chain of specs, to the quantized form of a unit.
#include "mpq/quant/quantizer.h"

namespace mpq {

/// The spec of a unit that stays as it is.
constexpr const char* kFullPrecision = "full";

/// What a unit's spec asks for: how its codes are found, and how they are stored.
struct Method {
  std::shared_ptr<const Quantizer> quantizer;  // null: left alone
  Encoding encoding = full_precision();
};

/// "gptq:bits=3,damp=0.1", "rtn:type=q4_k", or a chain "awq+gptq:bits=3,group=128": the input scale
/// of the ones before, the codes of the last. The options of EncodingOptions make the encoding; any
/// other goes to every member that takes it. Throws Error(Usage) on an unknown name or option, or a
/// chain whose earlier member has no input scale.
Method make_method(const std::string& spec);
/// The same for a checkpoint of that dtype: its encoding is resolved.
Method make_method(const std::string& spec, at::ScalarType checkpoint_dtype);

/// The problem with the weight's columns multiplied by `scale` [in], for inputs divided by it;
/// undefined: as it is.
QuantProblem scaled_problem(QuantProblem problem, const at::Tensor& scale);
/// quantize() of scaled_problem().
QuantizedLinear quantize_scaled(const Quantizer& quantizer, QuantProblem problem,
                                const at::Tensor& scale);

}  // namespace mpq
