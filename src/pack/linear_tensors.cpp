// Lays a quantized linear out, and reads it back.
#include "mpq/pack/linear_tensors.h"

#include <ATen/ATen.h>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/pack/packed_tensor.h"

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

void append(std::vector<at::Tensor>& all, const std::vector<at::Tensor>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

std::vector<TensorPlan> linear_plan(const std::string& prefix, const Scheme& scheme, int64_t out,
                                    int64_t in, at::ScalarType scale_dtype) {
  std::vector<TensorPlan> plan;
  if (scheme.hybrid()) {
    plan.push_back({prefix + ".order", at::kInt, {in}});
    const auto pieces = pieces_of(scheme, in, prefix);
    for (size_t i = 0; i < pieces.size(); ++i) {
      for (auto& tensor : linear_plan(piece_prefix(prefix, i), pieces[i].scheme, out,
                                      pieces[i].columns, scale_dtype))
        plan.push_back(std::move(tensor));
    }
    return plan;
  }
  const int64_t groups = group_count(scheme, in, prefix);
  const auto words = packed_words(static_cast<size_t>(in), scheme.bits);
  plan = {{prefix + ".codes", at::kInt, {out, static_cast<int64_t>(words)}},
          {prefix + ".scale", scale_dtype, {out, groups}}};
  if (!scheme.symmetric)
    plan.push_back({prefix + ".zero", scheme.float_zero ? scale_dtype : at::kByte, {out, groups}});
  return plan;
}

std::vector<at::Tensor> linear_tensors(const std::string& prefix, const QuantizedLinear& linear,
                                       at::ScalarType scale_dtype) {
  std::vector<at::Tensor> tensors;
  if (!linear.pieces.empty()) {
    tensors.push_back(linear.order.to(at::kInt));
    for (size_t i = 0; i < linear.pieces.size(); ++i)
      append(tensors, linear_tensors(piece_prefix(prefix, i), linear.pieces[i], scale_dtype));
    return tensors;
  }
  const Scheme& scheme = linear.scheme;
  tensors = {pack_rows(linear.codes, scheme.bits),
             stored_as(linear.scale, scale_dtype, prefix + ".scale")};
  if (scheme.symmetric) {
    require(linear.zero.eq(1 << (scheme.bits - 1)).all().item<bool>(), ErrorCode::Internal,
            "{}: a symmetric linear has a zero point off the middle", prefix);
  } else {
    tensors.push_back(scheme.float_zero ? stored_as(linear.zero, scale_dtype, prefix + ".zero")
                                        : linear.zero.contiguous());
  }
  return tensors;
}

QuantizedLinear read_linear(const std::string& prefix, const Scheme& scheme, int64_t out,
                            int64_t in, const std::function<at::Tensor(const std::string&)>& load) {
  QuantizedLinear linear;
  linear.scheme = scheme;
  if (scheme.hybrid()) {
    linear.order = load(prefix + ".order").to(at::kLong);
    require(std::get<0>(linear.order.sort()).equal(at::arange(in, at::kLong)), ErrorCode::Format,
            "{}.order: is not an order of {} channels; the file is damaged", prefix, in);
    const auto pieces = pieces_of(scheme, in, prefix);
    for (size_t i = 0; i < pieces.size(); ++i) {
      linear.pieces.push_back(
          read_linear(piece_prefix(prefix, i), pieces[i].scheme, out, pieces[i].columns, load));
    }
    return linear;
  }
  linear.codes = unpack_rows(load(prefix + ".codes"), scheme.bits, in);
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
