#pragma once
// The layouts of compressed-tensors for small floats: float-quantized, nvfp4-pack-quantized and
// mxfp4-pack-quantized.
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/packed_source.h"

namespace mpq {

enum class FloatLayout {
  Fp8,    // P.weight float8_e4m3fn [out, in], P.weight_scale [out, 1]
  Nvfp4,  // P.weight_packed uint8 [out, in / 2], P.weight_scale float8_e4m3fn [out, in / 16],
          // P.weight_global_scale float32 [1], by which the scales are divided
  Mxfp4,  // P.weight_packed uint8 [out, in / 2], P.weight_scale uint8 [out, in / 32], exponent +
          // 127
};

/// How a config group names a layout.
struct FloatFormat {
  FloatLayout layout;
  const char* name;
  Encoding encoding;
  const char* strategy;
  const char* scale_dtype;  // null: none is given
};
const std::vector<FloatFormat>& float_formats();
/// The one that holds an encoding, whatever the dtype of its scales; null when none does.
const FloatFormat* float_format(const Encoding& encoding);

std::vector<TensorPlan> float_plan(const std::string& module, const Encoding& encoding, int64_t out,
                                   int64_t in);
std::vector<at::Tensor> float_tensors(const QuantizedLinear& linear, const std::string& module);
/// The inverse. Throws Error(Format) naming the tensor on values that are not numbers.
QuantizedLinear read_floats(const std::string& module, const PackedLinear& found,
                            const LoadTensor& load);

}  // namespace mpq
