// Dequantization and slicing of the internal form.
#include "mpq/quant/quantized_linear.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {

at::Tensor dequantize(const QuantizedLinear& linear) {
  const auto out = linear.codes.size(0);
  const auto in = linear.codes.size(1);
  const auto groups = linear.scale.size(1);
  auto codes = linear.codes.to(at::kFloat).view({out, groups, in / groups});
  codes.sub_(linear.zero.to(at::kFloat).unsqueeze(2)).mul_(linear.scale.unsqueeze(2));
  codes = codes.view({out, in});
  return linear.input_scale.defined() ? codes.div_(linear.input_scale) : codes;
}

QuantizedLinear slice_rows(const QuantizedLinear& linear, int64_t begin, int64_t count) {
  return {linear.scheme, linear.codes.narrow(0, begin, count), linear.scale.narrow(0, begin, count),
          linear.zero.narrow(0, begin, count), linear.input_scale};
}

void validate(const QuantizedLinear& linear, const std::string& where) {
  const auto in = linear.codes.size(1);
  const auto groups = group_count(linear.scheme, in, where);
  const auto expected = at::IntArrayRef({linear.codes.size(0), groups}).vec();
  const int64_t top = (int64_t{1} << linear.scheme.bits) - 1;
  require(linear.codes.scalar_type() == at::kByte && linear.scale.scalar_type() == at::kFloat &&
              linear.zero.scalar_type() == (linear.scheme.float_zero ? at::kFloat : at::kByte) &&
              linear.scale.sizes().vec() == expected && linear.zero.sizes().vec() == expected,
          ErrorCode::Internal, "{}: codes, scale and zero disagree in shape or dtype", where);
  require(linear.codes.max().item<int64_t>() <= top &&
              (linear.scheme.float_zero || linear.zero.max().item<int64_t>() <= top),
          ErrorCode::Internal, "{}: a code or zero point exceeds {} bits", where,
          linear.scheme.bits);
  const at::Tensor& input_scale = linear.input_scale;
  require(!input_scale.defined() ||
              (input_scale.scalar_type() == at::kFloat && input_scale.dim() == 1 &&
               input_scale.size(0) == in && input_scale.gt(0).all().item<bool>() &&
               at::isfinite(input_scale).all().item<bool>()),
          ErrorCode::Numeric, "{}: expected {} positive input scales", where, in);
  require(at::isfinite(linear.scale).all().item<bool>() &&
              (!linear.scheme.float_zero || at::isfinite(linear.zero).all().item<bool>()),
          ErrorCode::Numeric,
          "{}: a scale or zero point is not finite; the weights hold inf or NaN", where);
}

}  // namespace mpq
