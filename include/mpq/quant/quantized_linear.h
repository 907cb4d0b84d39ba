#pragma once
// The one internal form of a quantized linear; exporters only re-lay it.
#include <ATen/core/Tensor.h>

#include <vector>

#include "mpq/quant/scheme.h"

namespace mpq {

/// W ~ scale * (code - zero), rows of a linear or of several stacked linears that share their
/// input.
struct QuantizedLinear {
  Scheme scheme;
  at::Tensor codes;  // uint8 [out, in], < 2^bits
  at::Tensor
      scale;  // float32 [out, groups], exactly representable in the scale dtype; may be negative
  at::Tensor zero;  // uint8 [out, groups], < 2^bits; 2^(bits-1) when symmetric; float32 when the
                    // scheme says so, exactly representable in the scale dtype
  /// float32 [in] s, undefined for none: codes hold W diag(s), to be read with inputs x / s. An
  /// exporter folds 1 / s into what produces x.
  at::Tensor input_scale{};
  /// Of a hybrid, which has no codes of its own: plain linears side by side along the inputs, as
  /// pieces_of() says, and int64 [in], the original channel at each of their positions.
  std::vector<QuantizedLinear> pieces{};
  at::Tensor order{};

  int64_t out() const { return (pieces.empty() ? codes : pieces.front().codes).size(0); }
  int64_t in() const { return pieces.empty() ? codes.size(1) : order.size(0); }
};

/// float32 [out, in], for the inputs as they were before any input_scale.
at::Tensor dequantize(const QuantizedLinear& linear);
/// The rows [begin, begin + count) of a stacked linear; shares storage.
QuantizedLinear slice_rows(const QuantizedLinear& linear, int64_t begin, int64_t count);
/// Throws Error(Internal) when shapes, dtypes or code ranges disagree with the scheme.
void validate(const QuantizedLinear& linear, const std::string& where);

}  // namespace mpq
