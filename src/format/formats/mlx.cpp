// MLX's affine quantization: w = scale code + bias in groups of 32, 64 or 128, mixed by layer.
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/exact.h"
#include "mpq/format/export_linears.h"
#include "mpq/format/packed_source.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

constexpr std::array kWidths = {2, 3, 4, 5, 6, 8};
constexpr std::array kGroups = {32, 64, 128};
constexpr const char* kMode = "affine";
constexpr const char* kScales = ".scales";

template <size_t N>
bool is_any(int value, const std::array<int, N>& values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

/// Half the range below 0, as a multiple of the scale.
int middle(const Encoding& encoding) { return -middle_code(encoding); }

void require_held(const Encoding& encoding, const std::string& where) {
  if (encoding.uniform() && !encoding.hybrid() &&
      (encoding.zero == Zero::Middle || encoding.zero == Zero::Offset) &&
      is_any(encoding.bits, kWidths) && is_any(encoding.group, kGroups))
    return;
  fail(ErrorCode::Unsupported,
       "{}: MLX holds integers of {} bits in groups of {}, symmetric or with an offset, not {}",
       where, fmt::join(kWidths, ", "), fmt::join(kGroups, ", "), to_string(encoding));
}

std::vector<TensorPlan> plan(const ExportLinear& linear) {
  const Encoding& encoding = linear.encoding;
  require_held(encoding, linear.module);
  const int64_t groups = group_count(encoding, linear.in, linear.module);
  const auto words = packed_words(static_cast<size_t>(linear.in), encoding.bits);
  return {{linear.module + ".weight", at::kUInt32, {linear.out, static_cast<int64_t>(words)}},
          {linear.module + kScales, encoding.scale_dtype, {linear.out, groups}},
          {linear.module + ".biases", encoding.scale_dtype, {linear.out, groups}}};
}

std::vector<at::Tensor> tensors(const ExportLinear& linear, const QuantizedLinear& quantized) {
  const auto& [encoding, module] = std::tie(linear.encoding, linear.module);
  const Grid& grid = quantized.grid;
  const bool symmetric = encoding.symmetric();
  if (symmetric) require_middle(grid.zero, encoding.bits, module);
  const at::Tensor biases = symmetric ? grid.scale.mul(middle(encoding)) : grid.offset;
  return {pack_rows(quantized.codes, encoding.bits).view(at::kUInt32),
          exactly(grid.scale, encoding.scale_dtype, module + kScales),
          exactly(biases, encoding.scale_dtype, module + ".biases")};
}

QuantizedLinear read(const std::string& module, const PackedLinear& found, const LoadTensor& load) {
  QuantizedLinear linear;
  linear.encoding = found.encoding;
  linear.codes =
      unpack_rows(load(module + ".weight").view(at::kInt), found.encoding.bits, found.in);
  linear.grid.scale = load(module + kScales).to(at::kFloat);
  linear.grid.offset = load(module + ".biases").to(at::kFloat);
  require_finite(linear.grid.scale, module + kScales);
  require_finite(linear.grid.offset, module + ".biases");
  if (linear.grid.offset.equal(linear.grid.scale.mul(middle(found.encoding)))) {
    linear.encoding.zero = Zero::Middle;
    linear.grid.zero = at::full_like(linear.grid.scale, -middle(found.encoding));
    linear.grid.offset = at::Tensor();
  }
  return linear;
}

Json layer_json(const Encoding& encoding) {
  return {{"group_size", encoding.group}, {"bits", encoding.bits}, {"mode", kMode}};
}

/// The layer's own entry, or the folder's.
Encoding encoding_of(const Json& config, const std::string& module, const std::string& where) {
  const Json own = json_get_or<Json>(config, module.c_str(), Json(), where);
  const Json& layer = own.is_object() ? own : config;
  const auto mode = json_get_or<std::string>(layer, "mode", kMode, where);
  require(mode == kMode, ErrorCode::Unsupported, "{}: {}: mode is \"{}\", mpq reads \"{}\"", where,
          module, mode, kMode);
  Encoding encoding = integers(json_get<int>(layer, "bits", where),
                               json_get<int>(layer, "group_size", where), false);
  encoding.zero = Zero::Offset;
  require_held(encoding, where + ": " + module);
  return encoding;
}

class Mlx final : public Format {
 public:
  using Options = NoOptions;
  explicit Mlx(const Options&) {}

  /// Zero points become offsets, in float32 since scale x zero needs more digits than the scale.
  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    Encoding encoding = resolved(asked, stored_dtype);
    if (encoding.uniform() && (encoding.zero == Zero::Whole || encoding.zero == Zero::Offset)) {
      encoding.zero = Zero::Offset;
      encoding.scale_dtype = at::kFloat;
    }
    return fit_of(layout(), encoding, out, in, stored_dtype);
  }

  bool holds_ends() const override { return true; }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    Json config = source_config(job.source_folder, job.stored_dtype);
    if (const auto common = commonest_encoding(job.linears)) {
      Json quantization = layer_json(*common);
      for (const auto& linear : job.linears) {
        const bool plain = linear.encoding.plain();
        quantization[linear.module] = plain ? Json(false) : layer_json(linear.encoding);
      }
      config["quantization"] = quantization;
      config["quantization_config"] = quantization;
    }
    return CheckpointWriter(job, layout()).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, layout()).bytes();
  }

  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    const Json quantization = json_get_or<Json>(config, "quantization", Json(), "config.json");
    if (!quantization.is_object() || !quantization.contains("group_size")) return nullptr;
    auto inner = open_safetensors_folder(folder);
    std::map<std::string, PackedLinear> linears;
    for (const auto& module : modules_with(*inner, kScales)) {
      const std::string name = module + kScales;
      ExportLinear linear{module, 0, 0, {}};
      linear.encoding =
          encoding_of(quantization, linear.module, folder + "/config.json: quantization");
      linear.encoding.scale_dtype = inner->dtype(name);
      const auto shape = inner->shape(name);
      require(shape.size() == 2, ErrorCode::Format, "{}: tensor {}: expected [out, groups]", folder,
              name);
      linear.out = shape[0];
      linear.in = shape[1] * linear.encoding.group;
      linears[linear.module] = {linear.encoding, linear.out, linear.in, plan(linear)};
    }
    return open_packed(folder, std::move(inner), std::move(linears), read);
  }

 private:
  static LinearLayout layout() { return {plan, tensors}; }
};

MPQ_REGISTER(Format, Mlx, "mlx", "MLX's affine layers, 2 to 8 bits, mixed; for mlx-lm");

}  // namespace
}  // namespace mpq
