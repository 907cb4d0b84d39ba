// Dequantization and slicing of the internal form.
#include "mpq/quant/quantized_linear.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {

at::Tensor dequantize(const QuantizedLinear& linear) {
  at::Tensor weight;
  if (linear.pieces.empty()) {
    const auto out = linear.codes.size(0);
    const auto in = linear.codes.size(1);
    const auto groups = linear.scale.size(1);
    weight = linear.codes.to(at::kFloat).view({out, groups, in / groups});
    weight.sub_(linear.zero.to(at::kFloat).unsqueeze(2)).mul_(linear.scale.unsqueeze(2));
    weight = weight.view({out, in});
  } else {
    std::vector<at::Tensor> columns;
    for (const auto& piece : linear.pieces) columns.push_back(dequantize(piece));
    const auto ordered = at::cat(columns, 1);
    weight = at::empty_like(ordered).index_copy_(1, linear.order, ordered);
  }
  return linear.input_scale.defined() ? weight.div_(linear.input_scale) : weight;
}

QuantizedLinear slice_rows(const QuantizedLinear& linear, int64_t begin, int64_t count) {
  QuantizedLinear slice = linear;
  for (auto& piece : slice.pieces) piece = slice_rows(piece, begin, count);
  for (auto* tensor : {&slice.codes, &slice.scale, &slice.zero}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, begin, count);
  }
  return slice;
}

namespace {

void validate_hybrid(const QuantizedLinear& linear, const std::string& where) {
  const auto in = linear.order.size(0);
  const auto expected = pieces_of(linear.scheme, in, where);
  require(linear.pieces.size() == expected.size() && linear.order.scalar_type() == at::kLong &&
              std::get<0>(linear.order.sort()).equal(at::arange(in, at::kLong)),
          ErrorCode::Internal, "{}: pieces or channel order disagree with the scheme", where);
  for (size_t i = 0; i < expected.size(); ++i) {
    require(linear.pieces[i].scheme == expected[i].scheme &&
                linear.pieces[i].codes.size(1) == expected[i].columns,
            ErrorCode::Internal, "{}: piece {} disagrees with the scheme", where, i);
    validate(linear.pieces[i], where);
  }
}

}  // namespace

void validate(const QuantizedLinear& linear, const std::string& where) {
  if (!linear.pieces.empty()) {
    validate_hybrid(linear, where);
    return;
  }
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
