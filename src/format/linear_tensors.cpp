// Lays a quantized linear out, and reads it back.
#include "mpq/format/linear_tensors.h"

#include <ATen/ATen.h>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

std::string piece_prefix(const std::string& prefix, size_t piece) {
  return fmt::format("{}.{}", prefix, piece);
}

at::Tensor stored_as(const at::Tensor& value, at::ScalarType dtype, const std::string& name) {
  at::Tensor stored = value.to(dtype).contiguous();
  require(stored.to(at::kFloat).equal(value), ErrorCode::Internal,
          "{}: a value is not representable in {}; quantize again for this dtype", name,
          at::toString(dtype));
  return stored;
}

/// Scale, and zero point unless symmetric, after the codes.
void plan_grid(const std::string& prefix, const Scheme& scheme, int64_t out, int64_t in,
               at::ScalarType scale_dtype, std::vector<TensorPlan>& plan) {
  const int64_t groups = group_count(scheme, in, prefix);
  plan.push_back({prefix + ".scale", scale_dtype, {out, groups}});
  if (!scheme.symmetric)
    plan.push_back({prefix + ".zero", scheme.float_zero ? scale_dtype : at::kByte, {out, groups}});
}

void add_grid(const std::string& prefix, const QuantizedLinear& linear, at::ScalarType scale_dtype,
              std::vector<at::Tensor>& tensors) {
  const Scheme& scheme = linear.scheme;
  tensors.push_back(stored_as(linear.scale, scale_dtype, prefix + ".scale"));
  if (scheme.symmetric) {
    require(linear.zero.eq(1 << (scheme.bits - 1)).all().item<bool>(), ErrorCode::Internal,
            "{}: a symmetric linear has a zero point off the middle", prefix);
  } else {
    tensors.push_back(scheme.float_zero ? stored_as(linear.zero, scale_dtype, prefix + ".zero")
                                        : linear.zero.contiguous());
  }
}

using Load = std::function<at::Tensor(const std::string&)>;

void read_grid(const std::string& prefix, const Load& load, QuantizedLinear& linear) {
  const Scheme& scheme = linear.scheme;
  linear.scale = load(prefix + ".scale").to(at::kFloat).clone();
  const int64_t levels = int64_t{1} << scheme.bits;
  if (scheme.symmetric) {
    linear.zero = at::full(linear.scale.sizes(), levels / 2, at::kByte);
  } else {
    const at::Tensor zero = load(prefix + ".zero");
    linear.zero = scheme.float_zero ? zero.to(at::kFloat).clone() : zero.clone();
  }
  require(at::isfinite(linear.scale).all().item<bool>() &&
              at::isfinite(linear.zero.to(at::kFloat)).all().item<bool>() &&
              (scheme.float_zero || linear.zero.max().item<int64_t>() < levels),
          ErrorCode::Format,
          "{}: a scale is not finite or a zero point exceeds {} bits; the file is damaged", prefix,
          scheme.bits);
}

/// One bit a channel, set where it is high-impact: all that `order` says, since channels ascend
/// within both parts. uint8 [ceil(in / 8)], channel i is bit i mod 8 of byte i / 8.
at::Tensor high_mask(const at::Tensor& order, const Scheme& scheme) {
  const int64_t in = order.size(0);
  const int64_t high = high_channels(scheme, in);
  const at::Tensor flags = at::zeros({in}, at::kByte);
  flags.index_fill_(0, order.narrow(0, in - high, high), 1);
  return pack_stream(flags.unsqueeze(0), 1).view(at::kByte).narrow(0, 0, (in + 7) / 8).clone();
}

at::Tensor order_of_mask(const at::Tensor& mask, const Scheme& scheme, int64_t in,
                         const std::string& name) {
  const auto bits = at::arange(in, at::kLong);
  const auto flags = mask.index_select(0, at::floor_divide(bits, 8))
                         .bitwise_right_shift(at::remainder(bits, 8).to(at::kByte))
                         .bitwise_and(1);
  const auto high = flags.nonzero().flatten();
  require(high.size(0) == high_channels(scheme, in), ErrorCode::Format,
          "{}: expected {} of {} channels to be high-impact, found {}; the file is damaged", name,
          high_channels(scheme, in), in, high.size(0));
  return at::cat({flags.eq(0).nonzero().flatten(), high});
}

}  // namespace

std::vector<TensorPlan> linear_plan(const std::string& prefix, const Scheme& scheme, int64_t out,
                                    int64_t in, at::ScalarType scale_dtype) {
  std::vector<TensorPlan> plan;
  if (!scheme.hybrid()) {
    const auto words = packed_words(static_cast<size_t>(in), scheme.bits);
    plan.push_back({prefix + ".codes", at::kInt, {out, static_cast<int64_t>(words)}});
    plan_grid(prefix, scheme, out, in, scale_dtype, plan);
    return plan;
  }
  plan.push_back({prefix + ".high", at::kByte, {(in + 7) / 8}});
  const auto pieces = pieces_of(scheme, in, prefix);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto& [own, columns] = pieces[i];
    const std::string name = piece_prefix(prefix, i);
    plan.push_back({name + ".codes", at::kInt, {stream_words(out, columns, own.bits)}});
    plan_grid(name, own, out, columns, scale_dtype, plan);
  }
  return plan;
}

std::vector<at::Tensor> linear_tensors(const std::string& prefix, const QuantizedLinear& linear,
                                       at::ScalarType scale_dtype) {
  std::vector<at::Tensor> tensors;
  if (linear.pieces.empty()) {
    tensors.push_back(pack_rows(linear.codes, linear.scheme.bits));
    add_grid(prefix, linear, scale_dtype, tensors);
    return tensors;
  }
  tensors.push_back(high_mask(linear.order, linear.scheme));
  for (size_t i = 0; i < linear.pieces.size(); ++i) {
    const auto& piece = linear.pieces[i];
    tensors.push_back(pack_stream(piece.codes, piece.scheme.bits));
    add_grid(piece_prefix(prefix, i), piece, scale_dtype, tensors);
  }
  return tensors;
}

QuantizedLinear read_linear(const std::string& prefix, const Scheme& scheme, int64_t out,
                            int64_t in, const Load& load) {
  QuantizedLinear linear;
  linear.scheme = scheme;
  if (!scheme.hybrid()) {
    linear.codes = unpack_rows(load(prefix + ".codes"), scheme.bits, in);
    read_grid(prefix, load, linear);
    return linear;
  }
  linear.order = order_of_mask(load(prefix + ".high"), scheme, in, prefix + ".high");
  for (const auto& [own, columns] : pieces_of(scheme, in, prefix)) {
    const std::string name = piece_prefix(prefix, linear.pieces.size());
    QuantizedLinear piece;
    piece.scheme = own;
    piece.codes = unpack_stream(load(name + ".codes"), own.bits, out, columns);
    read_grid(name, load, piece);
    linear.pieces.push_back(std::move(piece));
  }
  return linear;
}

Json scheme_json(const Scheme& scheme) {
  Json json = {{"bits", scheme.bits}, {"group", scheme.group}, {"symmetric", scheme.symmetric}};
  if (scheme.float_zero) json["float_zero"] = true;
  if (scheme.hybrid()) {
    json["high_bits"] = scheme.high_bits;
    json["high_ratio"] = scheme.high_ratio;
  }
  return json;
}

Scheme scheme_from_json(const Json& json, const std::string& where) {
  const Scheme scheme{json_get<int>(json, "bits", where),
                      json_get<int>(json, "group", where),
                      json_get<bool>(json, "symmetric", where),
                      json_get_or<bool>(json, "float_zero", false, where),
                      json_get_or<int>(json, "high_bits", 0, where),
                      json_get_or<double>(json, "high_ratio", 0, where)};
  const auto width = [](int bits) { return bits >= 2 && bits <= 8; };
  require(width(scheme.bits) && scheme.group >= 0 &&
              (!scheme.hybrid() || (width(scheme.high_bits) && scheme.high_ratio > 0 &&
                                    scheme.high_ratio < 1 && !scheme.float_zero)),
          ErrorCode::Format, "{}: bits={}, group={} do not make a scheme", where, scheme.bits,
          scheme.group);
  return scheme;
}

}  // namespace mpq
