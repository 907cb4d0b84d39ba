// Lays linears out as GPTQ does.
#include "mpq/format/gptq_tensors.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/format/exact.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

constexpr int64_t kMultiple = 32;  // so that rows and columns end with a word at any width

void require_held(const GptqLayout& layout, const Encoding& encoding, int64_t out, int64_t in,
                  const std::string& where) {
  const bool zero =
      encoding.zero == Zero::Middle || (encoding.zero == Zero::Whole && layout.asymmetric);
  if (!encoding.uniform() || encoding.hybrid() || !zero) {
    fail(ErrorCode::Unsupported, "{}: {} holds {}integers with a float scale, not {}", where,
         layout.format, layout.asymmetric ? "" : "symmetric ", to_string(encoding));
  }
  require(out % kMultiple == 0 && in % kMultiple == 0, ErrorCode::Unsupported,
          "{}: {} holds linears whose sizes are multiples of {}, not [{}, {}]", where,
          layout.format, kMultiple, out, in);
}

at::Tensor group_index(const Encoding& encoding, int64_t in) {
  return at::floor_divide(at::arange(in, at::kLong), group_columns(encoding, in)).to(at::kInt);
}

std::vector<TensorPlan> plan(const GptqLayout& layout, const ExportLinear& linear) {
  const auto& [module, out, in, encoding, fusion] = linear;
  require_held(layout, encoding, out, in, module);
  const int64_t groups = group_count(encoding, in, module);
  std::vector<TensorPlan> tensors = {
      {module + kGptqCodes, at::kInt, {in * encoding.bits / 32, out}},
      {module + ".qzeros", at::kInt, {groups, out * encoding.bits / 32}},
      {module + ".scales", encoding.scale_dtype, {groups, out}}};
  if (layout.group_index) tensors.push_back({module + ".g_idx", at::kInt, {in}});
  return tensors;
}

std::vector<at::Tensor> tensors(const GptqLayout& layout, const ExportLinear& linear,
                                const QuantizedLinear& quantized) {
  const auto& [module, out, in, encoding, fusion] = linear;
  const Grid& grid = quantized.grid;
  if (encoding.symmetric()) require_middle(grid.zero, encoding.bits, module);
  const at::Tensor zero = grid.zero.sub(layout.zero_less_one ? 1 : 0).t();
  const at::Tensor stored_zero = exactly(zero, at::kByte, module + ".qzeros");
  std::vector<at::Tensor> result = {
      pack_columns(quantized.codes.t(), encoding.bits), pack_rows(stored_zero, encoding.bits),
      exactly(grid.scale.t(), encoding.scale_dtype, module + ".scales")};
  if (layout.group_index) result.push_back(group_index(encoding, in));
  return result;
}

}  // namespace

LinearLayout gptq_tensors(const GptqLayout& layout) {
  return {[layout](const ExportLinear& linear) { return plan(layout, linear); },
          [layout](const ExportLinear& linear, const QuantizedLinear& quantized) {
            return tensors(layout, linear, quantized);
          }};
}

Fit gptq_fit(const GptqLayout& layout, const Encoding& asked, int64_t out, int64_t in,
             at::ScalarType stored_dtype) {
  Encoding encoding = asked;
  if (!encoding.plain()) {
    require_held(layout, asked, out, in, "weight");
    encoding.scale_dtype = at::kHalf;
  }
  return fit_of(gptq_tensors(layout), encoding, out, in, stored_dtype);
}

int gptq_group_size(const Encoding& encoding) { return encoding.group == 0 ? -1 : encoding.group; }

}  // namespace mpq
