// AWQ's layout as AutoAWQ's "gemm" kernels want it.
#include "mpq/format/awq_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/format/exact.h"
#include "mpq/format/gptq_tensors.h"
#include "mpq/format/packed_source.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

constexpr int kBits = 4;
constexpr int64_t kInWord = 32 / kBits;

/// int32 [rows, columns / 8] to uint8 [rows, columns]: a word's eight codes are of columns 0, 2, 4,
/// 6, 1, 3, 5, 7 from the lowest bits on.
at::Tensor unpack(const at::Tensor& words, int64_t columns) {
  const at::Tensor places = at::tensor({0, 4, 1, 5, 2, 6, 3, 7}, at::kLong);
  return unpack_rows(words, kBits, columns)
      .view({words.size(0), -1, kInWord})
      .index_select(2, places)
      .view({words.size(0), columns});
}

QuantizedLinear read(const std::string& module, const PackedLinear& found, const LoadTensor& load) {
  QuantizedLinear linear;
  linear.encoding = found.encoding;
  linear.codes = unpack(load(module + kGptqCodes), found.out).t().contiguous();
  linear.grid.scale = load(module + ".scales").t().to(at::kFloat).contiguous();
  require_finite(linear.grid.scale, module + ".scales");
  linear.grid.zero = unpack(load(module + ".qzeros"), found.out).t().to(at::kFloat).contiguous();
  return linear;
}

/// Its shapes by those of its codes and scales.
PackedLinear describe(const WeightSource& inner, const std::string& module, int64_t group,
                      const std::string& folder) {
  const auto codes = inner.shape(module + kGptqCodes), scales = inner.shape(module + ".scales");
  require(codes.size() == 2 && scales.size() == 2 && codes[0] > 0 && codes[1] > 0,
          ErrorCode::Format, "{}: {}: expected matrices of words and scales", folder, module);
  PackedLinear linear{integers(kBits, static_cast<int>(std::max<int64_t>(group, 0)), false),
                      codes[1] * kInWord,
                      codes[0],
                      {}};
  linear.encoding.scale_dtype = inner.dtype(module + ".scales");
  const int64_t columns = group_columns(linear.encoding, linear.in);
  require(linear.in % columns == 0 && at::isFloatingType(linear.encoding.scale_dtype),
          ErrorCode::Format, "{}: {}: expected floats for each of the groups of {} of {} inputs",
          folder, module, columns, linear.in);
  const int64_t groups = linear.in / columns;
  linear.tensors = {{module + kGptqCodes, at::kInt, {linear.in, codes[1]}},
                    {module + ".qzeros", at::kInt, {groups, codes[1]}},
                    {module + ".scales", linear.encoding.scale_dtype, {groups, linear.out}}};
  return linear;
}

}  // namespace

std::unique_ptr<WeightSource> open_awq(const std::string& folder, const Json& quantization) {
  const std::string where = folder + "/config.json: quantization_config";
  auto version = json_get_or<std::string>(quantization, "version", "gemm", where);
  for (char& c : version) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto bits = json_get_or<int>(quantization, "bits",
                                     json_get_or<int>(quantization, "w_bit", kBits, where), where);
  const auto group =
      json_get_or<int64_t>(quantization, "group_size",
                           json_get_or<int64_t>(quantization, "q_group_size", 128, where), where);
  require(version == "gemm" && bits == kBits && (group == -1 || group > 0) && group < 1 << 24,
          ErrorCode::Unsupported,
          "{}: version \"{}\", bits={}, group_size={}: mpq reads \"gemm\" of 4 bits, and groups "
          "above 0 or -1; give the model it was made from",
          where, version, bits, group);
  auto inner = open_safetensors_folder(folder);
  std::map<std::string, PackedLinear> linears;
  for (const auto& module : quantized_modules(*inner, folder))
    linears[module] = describe(*inner, module, group, folder);
  log_info("{}: {} weights are stored in AWQ's 4 bits; they are read as floats", folder,
           linears.size());
  return open_packed(folder, std::move(inner), std::move(linears), read);
}

}  // namespace mpq
