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

using LoadTensor = std::function<at::Tensor(const std::string&)>;

/// PREFIX.codes int32 [out, words] and what grid_plan() adds. A hybrid has PREFIX.high, one bit a
/// channel, and these tensors as PREFIX.0., PREFIX.1. ... for its pieces, their codes one stream
/// [words]. `encoding` is resolved.
std::vector<TensorPlan> linear_plan(const std::string& prefix, const Encoding& encoding,
                                    int64_t out, int64_t in);
/// In the plan's order. Throws Error(Internal) when the encoding cannot hold a value exactly.
std::vector<at::Tensor> linear_tensors(const std::string& prefix, const QuantizedLinear& linear);
/// The inverse. Throws Error(Format) naming the tensor whose values no linear of the encoding has;
/// the caller has checked names, dtypes and shapes by linear_plan().
QuantizedLinear read_linear(const std::string& prefix, const Encoding& encoding, int64_t out,
                            int64_t in, const LoadTensor& load);

/// The member "encoding" of a linear of [out, in], checked to fit that shape. Throws Error(Format)
/// naming `where`.
Encoding read_encoding(const Json& linear, int64_t out, int64_t in, const std::string& where);

}  // namespace mpq
