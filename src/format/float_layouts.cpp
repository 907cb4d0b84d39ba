// Our codes of a float element are ranks in ascending order; files have sign and magnitude bits.
#include "mpq/format/float_layouts.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/format/exact.h"

namespace mpq {
namespace {

/// The rank of 0: as many levels are below it as above.
int zero_rank(const Encoding& encoding) { return top_code(encoding) / 2; }

int sign_bit(const Encoding& encoding) { return 1 << (encoding.bits - 1); }

/// uint8 ranks to bit patterns.
at::Tensor patterns(const at::Tensor& ranks, const Encoding& encoding) {
  const at::Tensor signed_ranks = ranks.to(at::kShort).sub_(zero_rank(encoding));
  const at::Tensor signs = signed_ranks.lt(0).to(at::kShort).mul_(sign_bit(encoding));
  return signed_ranks.abs().add_(signs).to(at::kByte);
}

/// The inverse; -0 becomes 0.
at::Tensor ranks(const at::Tensor& bits, const Encoding& encoding, const std::string& where) {
  const at::Tensor wide = bits.to(at::kShort);
  const at::Tensor magnitude = wide.bitwise_and(sign_bit(encoding) - 1);
  require(magnitude.le(zero_rank(encoding)).all().item<bool>(), ErrorCode::Format,
          "{}: a weight is not a number; the file is damaged", where);
  const at::Tensor negative = wide.bitwise_and(sign_bit(encoding)).ne(0);
  return at::where(negative, magnitude.neg(), magnitude).add_(zero_rank(encoding)).to(at::kByte);
}

/// Two of 4 bits a byte, the first in the low half.
at::Tensor pack_pairs(const at::Tensor& nibbles) {
  const at::Tensor pairs = nibbles.view({nibbles.size(0), -1, 2});
  return pairs.select(2, 1).bitwise_left_shift(4).bitwise_or_(pairs.select(2, 0)).contiguous();
}

at::Tensor unpack_pairs(const at::Tensor& bytes) {
  return at::stack({bytes.bitwise_and(15), bytes.bitwise_right_shift(4)}, 2)
      .view({bytes.size(0), -1});
}

/// Scales are stored multiplied by this one number.
at::Tensor global_scale(const Grid& grid, const std::string& module) {
  const at::Tensor one = grid.super_scale.flatten().narrow(0, 0, 1);
  require(grid.super_scale.eq(one).all().item<bool>(), ErrorCode::Internal,
          "{}: the tensor's scale differs between rows", module);
  return one.reciprocal();
}

FloatLayout layout_of(const Encoding& encoding, const std::string& module) {
  const FloatFormat* format = float_format(encoding);
  require(format != nullptr, ErrorCode::Internal, "{}: no layout holds its floats", module);
  return format->layout;
}

}  // namespace

const std::vector<FloatFormat>& float_formats() {
  static const std::vector<FloatFormat> kFormats = {
      {FloatLayout::Fp8, "float-quantized", parse_encoding("fp8"), "channel", nullptr},
      {FloatLayout::Nvfp4, "nvfp4-pack-quantized", parse_encoding("nvfp4"), "tensor_group",
       "torch.float8_e4m3fn"},
      {FloatLayout::Mxfp4, "mxfp4-pack-quantized", parse_encoding("mxfp4"), "group",
       "torch.uint8"}};
  return kFormats;
}

const FloatFormat* float_format(const Encoding& encoding) {
  for (const auto& format : float_formats()) {
    Encoding known = format.encoding;
    known.scale_dtype = encoding.scale_dtype;
    if (known == encoding) return &format;
  }
  return nullptr;
}

std::vector<TensorPlan> float_plan(const std::string& module, const Encoding& encoding, int64_t out,
                                   int64_t in) {
  const int64_t groups = group_count(encoding, in, module);
  const FloatLayout layout = layout_of(encoding, module);
  if (layout == FloatLayout::Fp8) {
    return {{module + ".weight", at::kFloat8_e4m3fn, {out, in}},
            {module + ".weight_scale", encoding.scale_dtype, {out, 1}}};
  }
  const auto scale = layout == FloatLayout::Nvfp4 ? at::kFloat8_e4m3fn : at::kByte;
  std::vector<TensorPlan> plan = {{module + ".weight_packed", at::kByte, {out, in / 2}},
                                  {module + ".weight_scale", scale, {out, groups}}};
  if (layout == FloatLayout::Nvfp4)
    plan.push_back({module + ".weight_global_scale", at::kFloat, {1}});
  return plan;
}

std::vector<at::Tensor> float_tensors(const QuantizedLinear& linear, const std::string& module) {
  const auto& [encoding, grid] = std::tie(linear.encoding, linear.grid);
  const std::string scale = module + ".weight_scale";
  const at::Tensor bits = patterns(linear.codes, encoding);
  switch (layout_of(encoding, module)) {
    case FloatLayout::Fp8:
      return {bits.contiguous().view(at::kFloat8_e4m3fn),
              exactly(grid.scale, encoding.scale_dtype, scale)};
    case FloatLayout::Nvfp4:
      return {pack_pairs(bits), exactly(grid.scale_code, at::kFloat8_e4m3fn, scale),
              global_scale(grid, module)};
    case FloatLayout::Mxfp4:
      return {pack_pairs(bits), exponent_codes(grid.scale, scale)};
  }
  fail(ErrorCode::Internal, "{}: unknown layout", module);
}

QuantizedLinear read_floats(const std::string& module, const PackedLinear& found,
                            const LoadTensor& load) {
  const Encoding& encoding = found.encoding;
  const FloatLayout layout = layout_of(encoding, module);
  QuantizedLinear linear;
  linear.encoding = encoding;
  const at::Tensor scale = load(module + ".weight_scale");
  if (layout == FloatLayout::Fp8) {
    linear.codes = ranks(load(module + ".weight").view(at::kByte), encoding, module + ".weight");
    linear.grid.scale = scale.to(at::kFloat);
  } else {
    linear.codes =
        ranks(unpack_pairs(load(module + ".weight_packed")), encoding, module + ".weight_packed");
    if (layout == FloatLayout::Mxfp4) {
      linear.grid.scale = powers_of_two(scale);
    } else {
      const at::Tensor global = load(module + ".weight_global_scale");
      linear.grid.scale_code = scale.to(at::kFloat);
      linear.grid.super_scale = global.reciprocal().expand({found.out, 1});
      linear.grid.scale = linear.grid.scale_code.div(global);
    }
  }
  require_finite(linear.grid.scale, module + ".weight_scale");
  return linear;
}

}  // namespace mpq
