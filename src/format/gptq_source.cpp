// Reads GPTQ's layout, mpq's own folders and others'.
#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/format/exact.h"
#include "mpq/format/gptq_tensors.h"
#include "mpq/format/packed_source.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

/// Groups that are not of neighbouring inputs (desc_act): every input becomes a group of its own.
void spread_groups(const at::Tensor& group_index, int64_t columns, const std::string& tensor,
                   QuantizedLinear& linear) {
  const at::Tensor groups = group_index.to(at::kLong);
  if (groups.equal(at::floor_divide(at::arange(groups.size(0), at::kLong), columns))) return;
  require(groups.ge(0).logical_and(groups.lt(linear.grid.scale.size(1))).all().item<bool>(),
          ErrorCode::Format, "{}: names a group that is not there", tensor);
  linear.encoding.group = 1;
  linear.grid.scale = linear.grid.scale.index_select(1, groups);
  linear.grid.zero = linear.grid.zero.index_select(1, groups);
}

QuantizedLinear read(const std::string& module, const PackedLinear& found, const LoadTensor& load,
                     bool zero_less_one) {
  const Encoding& encoding = found.encoding;
  QuantizedLinear linear;
  linear.encoding = encoding;
  linear.codes =
      unpack_columns(load(module + kGptqCodes), encoding.bits, found.in).t().contiguous();
  linear.grid.scale = load(module + ".scales").t().to(at::kFloat).contiguous();
  require_finite(linear.grid.scale, module + ".scales");
  const at::Tensor stored = unpack_rows(load(module + ".qzeros"), encoding.bits, found.out);
  linear.grid.zero = stored.t().to(at::kFloat).add(zero_less_one ? 1 : 0).contiguous();
  require(linear.grid.zero.le(top_code(encoding)).all().item<bool>(), ErrorCode::Unsupported,
          "{}.qzeros: a zero point is {}, beyond {} bits; readers differ in what it means", module,
          top_code(encoding) + 1, encoding.bits);
  if (linear.grid.zero.eq(middle_code(encoding)).all().item<bool>())
    linear.encoding.zero = Zero::Middle;
  const std::string index = module + ".g_idx";
  if (std::any_of(found.tensors.begin(), found.tensors.end(),
                  [&](const TensorPlan& tensor) { return tensor.name == index; }))
    spread_groups(load(index), group_columns(encoding, found.in), index, linear);
  return linear;
}

}  // namespace

Encoding gptq_encoding(const Json& own, const Json& common, const std::string& where) {
  const int bits = json_get_or(own, "bits", json_get<int>(common, "bits", where), where);
  const int group =
      json_get_or(own, "group_size", json_get_or(common, "group_size", -1, where), where);
  require(bits >= 2 && bits <= 8 && (group == -1 || group > 0), ErrorCode::Unsupported,
          "{}: bits={}, group_size={}: mpq reads 2 to 8 bits, and groups above 0 or -1", where,
          bits, group);
  return integers(bits, std::max(group, 0), false);
}

std::vector<std::string> quantized_modules(const WeightSource& source, const std::string& folder) {
  const auto names = source.names();
  auto modules = modules_with(source, kGptqCodes);
  for (const auto& module : modules)
    require(std::binary_search(names.begin(), names.end(), module + ".scales"), ErrorCode::Format,
            "{}: tensor {}.scales: is missing", folder, module);
  return modules;
}

std::unique_ptr<WeightSource> open_gptq(const std::string& folder, bool zero_less_one,
                                        const GptqScheme& scheme_of) {
  auto inner = open_safetensors_folder(folder);
  const auto names = inner->names();
  std::map<std::string, PackedLinear> linears;
  for (const auto& module : quantized_modules(*inner, folder)) {
    const std::string name = module + kGptqCodes;
    ExportLinear linear{module, 0, 0, scheme_of(module)};
    linear.encoding.scale_dtype = inner->dtype(module + ".scales");
    const auto shape = inner->shape(name);
    require(shape.size() == 2 && at::isFloatingType(linear.encoding.scale_dtype), ErrorCode::Format,
            "{}: {}: expected a matrix of words, and scales that are floats", folder, name);
    linear.out = shape[1];
    linear.in = shape[0] * 32 / linear.encoding.bits;
    const int64_t columns = group_columns(linear.encoding, linear.in);
    require(columns > 0 && linear.in % columns == 0, ErrorCode::Format,
            "{}: {}: groups of {} do not divide {} inputs", folder, name, columns, linear.in);
    const bool indexed = std::binary_search(names.begin(), names.end(), module + ".g_idx");
    const GptqLayout layout{"GPTQ", zero_less_one, indexed, true};
    linears[module] = {linear.encoding, linear.out, linear.in, gptq_tensors(layout).plan(linear)};
  }
  return open_packed(folder, std::move(inner), std::move(linears),
                     [zero_less_one](const std::string& module, const PackedLinear& linear,
                                     const LoadTensor& load) {
                       return read(module, linear, load, zero_less_one);
                     });
}

}  // namespace mpq
