// Scales are applied when a weight is loaded.
#include "mpq/format/fp8_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/log.h"

namespace mpq {
namespace {

constexpr int64_t kBlock = 128;

bool is_fp8(at::ScalarType dtype) {
  return dtype == at::kFloat8_e4m3fn || dtype == at::kFloat8_e5m2;
}

class Fp8Source final : public WeightSource {
 public:
  Fp8Source(std::string folder, std::unique_ptr<WeightSource> inner, std::vector<int64_t> block)
      : folder_(std::move(folder)), inner_(std::move(inner)), block_(std::move(block)) {
    const auto stored = inner_->names();
    names_.insert(stored.begin(), stored.end());
    for (const auto& name : stored) {
      if (!is_fp8(inner_->dtype(name))) continue;
      std::string scale;
      for (const char* suffix : {"_scale_inv", "_scale"}) {
        if (names_.count(name + suffix) != 0) scale = name + suffix;
      }
      require(!scale.empty() && inner_->shape(name).size() == 2, ErrorCode::Format,
              "{}: {}: expected a matrix with {}_scale_inv or {}_scale beside it", folder_, name,
              name, name);
      check_scale(name, scale);
      scales_[name] = scale;
    }
    for (const auto& [name, scale] : scales_) names_.erase(scale);
  }
  size_t count() const { return scales_.size(); }

  std::vector<std::string> names() const override { return {names_.begin(), names_.end()}; }
  std::vector<int64_t> shape(const std::string& name) const override { return inner_->shape(name); }
  at::ScalarType dtype(const std::string& name) const override {
    return scales_.count(name) != 0 ? at::kBFloat16 : inner_->dtype(name);
  }
  at::Tensor load(const std::string& name) const override {
    const auto found = scales_.find(name);
    if (found == scales_.end()) return inner_->load(name);
    const at::Tensor weight = inner_->load(name).to(at::kFloat);
    at::Tensor scale = inner_->load(found->second).to(at::kFloat);
    if (by_blocks(found->second)) {
      scale = scale.repeat_interleave(block_[0], 0).narrow(0, 0, weight.size(0));
      scale = scale.repeat_interleave(block_[1], 1).narrow(1, 0, weight.size(1));
    } else if (scale.numel() > 1) {
      scale = scale.reshape({-1, 1});
    }
    return (weight * scale).to(at::kBFloat16);
  }
  void read_ahead(const std::string& name) const override { inner_->read_ahead(name); }

 private:
  static bool by_blocks(const std::string& scale) { return scale.ends_with("_scale_inv"); }

  void check_scale(const std::string& weight, const std::string& scale) const {
    const auto out = inner_->shape(weight);
    const auto found = inner_->shape(scale);
    int64_t numbers = 1;
    for (const int64_t size : found) numbers *= size;
    const auto blocks = [&](size_t dim) { return (out[dim] + block_[dim] - 1) / block_[dim]; };
    const bool fits = by_blocks(scale)
                          ? found == std::vector<int64_t>{blocks(0), blocks(1)}
                          : numbers == 1 || (numbers == out[0] && found.front() == out[0]);
    require(fits, ErrorCode::Format, "{}: {} has shape [{}], which is no scale of [{}]", folder_,
            scale, fmt::join(found, ", "), fmt::join(out, ", "));
  }

  std::string folder_;
  std::unique_ptr<WeightSource> inner_;
  std::vector<int64_t> block_;
  std::set<std::string> names_;
  std::map<std::string, std::string> scales_;  // by weight
};

}  // namespace

std::unique_ptr<WeightSource> open_fp8(const std::string& folder, const Json& quantization) {
  const std::string where = folder + "/config.json: quantization_config";
  const auto block =
      json_get_or<std::vector<int64_t>>(quantization, "weight_block_size", {kBlock, kBlock}, where);
  require(block.size() == 2 && block[0] > 0 && block[1] > 0, ErrorCode::Format,
          "{}: \"weight_block_size\" is [{}], expected rows and columns", where,
          fmt::join(block, ", "));
  auto source = std::make_unique<Fp8Source>(folder, open_safetensors_folder(folder), block);
  log_info("{}: {} weights are stored in FP8; they are read as bfloat16", folder, source->count());
  return source;
}

}  // namespace mpq
