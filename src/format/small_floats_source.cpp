// Scales are applied when a weight is loaded.
#include "mpq/format/small_floats_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/format/float_layouts.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {
namespace {

constexpr int64_t kBlock = 128;
constexpr int64_t kGroup = 16;  // of NVFP4

/// Of what is multiplied with weights, which mpq leaves as it is.
constexpr std::array<std::string_view, 4> kOthersScales = {".input_scale", ".k_scale", ".v_scale",
                                                           ".q_scale"};

using Shape = std::vector<int64_t>;

bool is_fp8(at::ScalarType dtype) {
  return dtype == at::kFloat8_e4m3fn || dtype == at::kFloat8_e5m2;
}

bool is_others_scale(const std::string& name) {
  return std::any_of(kOthersScales.begin(), kOthersScales.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

class SmallFloatsSource final : public WeightSource {
 public:
  SmallFloatsSource(std::string folder, std::unique_ptr<WeightSource> inner, Shape block)
      : folder_(std::move(folder)), inner_(std::move(inner)), block_(std::move(block)) {
    const auto stored = inner_->names();
    names_.insert(stored.begin(), stored.end());
    for (const auto& name : stored) {
      if (is_fp8(inner_->dtype(name)) && !is_scale(name)) add_fp8(name);
      if (inner_->dtype(name) == at::kByte && has(name + "_scale_2")) add_nvfp4(name);
    }
    for (const auto& [name, scale] : scales_) names_.erase(scale);
    for (const auto& name : pairs_) names_.erase(name + "_scale_2");
    std::erase_if(names_, is_others_scale);
  }
  size_t count() const { return scales_.size(); }

  std::vector<std::string> names() const override { return {names_.begin(), names_.end()}; }
  Shape shape(const std::string& name) const override {
    Shape shape = inner_->shape(name);
    if (pairs_.count(name) != 0) shape[1] *= 2;
    return shape;
  }
  at::ScalarType dtype(const std::string& name) const override {
    return scales_.count(name) != 0 ? at::kBFloat16 : inner_->dtype(name);
  }
  at::Tensor load(const std::string& name) const override {
    const auto found = scales_.find(name);
    if (found == scales_.end()) return inner_->load(name);
    if (pairs_.count(name) != 0) return from_pairs(name).to(at::kBFloat16);
    const at::Tensor weight = inner_->load(name).to(at::kFloat);
    at::Tensor scale = inner_->load(found->second).to(at::kFloat);
    if (by_blocks(found->second)) {
      for (const int64_t dim : {0, 1}) {
        const int64_t size = weight.size(dim);
        scale = scale.repeat_interleave(std::min(block_[dim], size), dim).narrow(dim, 0, size);
      }
    } else if (scale.numel() > 1) {
      scale = scale.reshape({-1, 1});
    }
    return (weight * scale).to(at::kBFloat16);
  }
  void read_ahead(const std::string& name) const override { inner_->read_ahead(name); }

 private:
  static bool by_blocks(const std::string& scale) { return scale.ends_with("_scale_inv"); }
  bool has(const std::string& name) const { return names_.count(name) != 0; }
  /// NVFP4's scales are 8-bit floats themselves.
  bool is_scale(const std::string& name) const { return has(name + "_2"); }

  void add_fp8(const std::string& name) {
    std::string scale;
    for (const char* suffix : {"_scale_inv", "_scale"}) {
      if (has(name + suffix)) scale = name + suffix;
    }
    require(!scale.empty() && inner_->shape(name).size() == 2, ErrorCode::Format,
            "{}: {}: expected a matrix with {}_scale_inv or {}_scale beside it", folder_, name,
            name, name);
    const Shape out = inner_->shape(name), found = inner_->shape(scale);
    int64_t numbers = 1;
    for (const int64_t size : found) numbers *= size;
    const auto blocks = [&](size_t dim) { return (out[dim] - 1) / block_[dim] + 1; };
    check_scale(name, scale,
                by_blocks(scale) ? found == Shape{blocks(0), blocks(1)}
                                 : numbers == 1 || (numbers == out[0] && found.front() == out[0]));
    scales_[name] = scale;
  }

  void add_nvfp4(const std::string& name) {
    const std::string scale = name + "_scale";
    const Shape bytes = inner_->shape(name);
    require(bytes.size() == 2 && has(scale) && inner_->dtype(scale) == at::kFloat8_e4m3fn,
            ErrorCode::Format, "{}: {}: expected a matrix with 8-bit floats {} beside it", folder_,
            name, scale);
    check_scale(name, scale,
                bytes[1] * 2 % kGroup == 0 &&
                    inner_->shape(scale) == Shape{bytes[0], bytes[1] * 2 / kGroup});
    int64_t numbers = 1;
    for (const int64_t size : inner_->shape(scale + "_2")) numbers *= size;
    check_scale(name, scale + "_2", numbers == 1);
    scales_[name] = scale;
    pairs_.insert(name);
  }

  void check_scale(const std::string& weight, const std::string& scale, bool fits) const {
    require(fits, ErrorCode::Format, "{}: {} has shape [{}], which is no scale of [{}]", folder_,
            scale, fmt::join(inner_->shape(scale), ", "), fmt::join(inner_->shape(weight), ", "));
  }

  /// As compressed-tensors lays it out, but for the names and for the second scale, which divides
  /// there.
  at::Tensor from_pairs(const std::string& name) const {
    const std::string module = name.substr(0, name.rfind('.'));
    const Shape whole = shape(name);
    const auto load = [&](const std::string& tensor) {
      if (tensor.ends_with("_global_scale"))
        return inner_->load(name + "_scale_2").to(at::kFloat).reshape({1}).reciprocal();
      return inner_->load(tensor.ends_with("_packed") ? name : name + "_scale");
    };
    return dequantize(read_floats(module, {parse_encoding("nvfp4"), whole[0], whole[1], {}}, load));
  }

  std::string folder_;
  std::unique_ptr<WeightSource> inner_;
  Shape block_;
  std::set<std::string> names_;
  std::map<std::string, std::string> scales_;  // by weight
  std::set<std::string> pairs_;                // weights of two numbers a byte
};

}  // namespace

std::unique_ptr<WeightSource> open_small_floats(const std::string& folder,
                                                const Json& quantization) {
  const std::string where = folder + "/config.json: quantization_config";
  const auto block = json_get_or<Shape>(quantization, "weight_block_size", {kBlock, kBlock}, where);
  require(block.size() == 2 && block[0] > 0 && block[1] > 0, ErrorCode::Format,
          "{}: \"weight_block_size\" is [{}], expected rows and columns", where,
          fmt::join(block, ", "));
  auto source = std::make_unique<SmallFloatsSource>(folder, open_safetensors_folder(folder), block);
  log_info("{}: {} weights are stored in FP8 or NVFP4; they are read as bfloat16", folder,
           source->count());
  return source;
}

}  // namespace mpq
