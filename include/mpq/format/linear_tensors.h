#pragma once
// The tensors of a quantized linear in mpq's own files: parts and native checkpoints
// (docs/format.md).
#include <functional>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// PREFIX.codes int32 [out, words], PREFIX.scale [out, groups] and, unless symmetric, PREFIX.zero
/// (uint8, or the scales' dtype for float zero points). A hybrid has PREFIX.high, one bit a
/// channel, and these tensors as PREFIX.0., PREFIX.1. ... for its pieces, their codes one stream
/// [words].
std::vector<TensorPlan> linear_plan(const std::string& prefix, const Scheme& scheme, int64_t out,
                                    int64_t in, at::ScalarType scale_dtype);
/// In the plan's order. Throws Error(Internal) when a scale is not representable in `scale_dtype`.
std::vector<at::Tensor> linear_tensors(const std::string& prefix, const QuantizedLinear& linear,
                                       at::ScalarType scale_dtype);
/// The inverse. Throws Error(Format) naming the tensor whose values no linear of the scheme has;
/// the caller has checked names, dtypes and shapes by linear_plan().
QuantizedLinear read_linear(const std::string& prefix, const Scheme& scheme, int64_t out,
                            int64_t in, const std::function<at::Tensor(const std::string&)>& load);

Json scheme_json(const Scheme& scheme);
/// Throws Error(Format) naming `where` on a missing member or a senseless value.
Scheme scheme_from_json(const Json& json, const std::string& where);

}  // namespace mpq
