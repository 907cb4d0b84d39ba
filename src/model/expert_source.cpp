// One stored tensor of all experts, shown as one tensor an expert and role.
#include "mpq/model/expert_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Where an expert's tensor lies.
struct Slice {
  std::string stored;  // of all experts
  int64_t expert = 0;
  Role role = Role::Gate;
  std::vector<int64_t> shape;
  bool packed = false;  // as blocks and scales of MXFP4
};

/// 4-bit floats e2m1 by code, OCP Microscaling 1.0.
constexpr float kMxfp4[16] = {0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                              -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};

/// uint8 blocks [..., groups, 16], the low nibble first, and exponents [..., groups] to bfloat16
/// [..., groups * 32].
at::Tensor unpack_mxfp4(const at::Tensor& blocks, const at::Tensor& exponents) {
  const auto levels = at::tensor(at::ArrayRef<float>(kMxfp4, 16));
  const auto bytes = blocks.to(at::kLong);
  const auto codes = at::stack({bytes.bitwise_and(15), bytes.bitwise_right_shift(4)}, -1);
  const auto values = levels.index({codes}).flatten(-2);
  const auto scale = at::exp2(exponents.to(at::kFloat) - 127).unsqueeze(-1);
  return (values * scale).flatten(-2).to(at::kBFloat16);
}

class ExpertSource final : public WeightSource {
 public:
  ExpertSource(std::unique_ptr<WeightSource> base, const ModelConfig& config)
      : base_(std::move(base)), by_input_(config.experts_by_input) {
    const auto stored = base_->names();
    names_.insert(stored.begin(), stored.end());
    for (int64_t block = 0; block < config.layers; ++block) {
      for (const auto& linear : config.block(block).linears) {
        if (linear.reads >= 0) add(config, block, linear);
      }
    }
    for (const auto& [name, slice] : slices_) {
      names_.insert(name);
      for (const char* suffix : {"", "_blocks", "_scales"}) names_.erase(slice.stored + suffix);
    }
  }
  bool splits() const { return !slices_.empty(); }
  std::unique_ptr<WeightSource> release() { return std::move(base_); }

  std::vector<std::string> names() const override { return {names_.begin(), names_.end()}; }
  std::vector<int64_t> shape(const std::string& name) const override {
    const auto found = slices_.find(name);
    return found == slices_.end() ? base_->shape(name) : found->second.shape;
  }
  at::ScalarType dtype(const std::string& name) const override {
    const auto found = slices_.find(name);
    if (found == slices_.end()) return base_->dtype(name);
    return found->second.packed ? at::kBFloat16 : base_->dtype(found->second.stored);
  }
  at::Tensor load(const std::string& name) const override {
    const auto found = slices_.find(name);
    if (found == slices_.end()) return base_->load(name);
    const Slice& slice = found->second;
    const bool bias = slice.shape.size() == 1;
    at::Tensor own = of_expert(slice);
    // Blocks of MXFP4 stand [out, in] already.
    if (by_input_ && !bias && !slice.packed) own = own.t();
    if (slice.role != Role::Down) own = half(own, slice.role == Role::Up);
    require(own.sizes() == at::IntArrayRef(slice.shape), ErrorCode::Format,
            "{}: an expert has another shape than config.json says", slice.stored);
    return own.contiguous();
  }
  void read_ahead(const std::string& name) const override {
    const auto found = slices_.find(name);
    if (found == slices_.end()) return base_->read_ahead(name);
    if (!found->second.packed) base_->read_ahead(found->second.stored);
  }

 private:
  void add(const ModelConfig& config, int64_t block, const LinearInfo& linear) {
    const std::string module = config.module_name(block, linear);
    const std::string experts = module.substr(0, module.rfind('.', module.rfind('.') - 1) + 1);
    const std::string stored = experts + (linear.role == Role::Down ? "down_proj" : "gate_up_proj");
    const bool packed = names_.count(stored + "_blocks") != 0;
    if (names_.count(stored) == 0 && !packed) return;
    const std::string& whole = packed ? stored + "_blocks" : stored;
    const auto shape = base_->shape(whole);
    const int64_t count = config.block(block).router.experts;
    require(shape.size() >= 3 && shape[0] == count, ErrorCode::Format,
            "{}: expected {} experts, as config.json says, found a tensor {}", whole, count,
            fmt::format("[{}]", fmt::join(shape, ", ")));
    slices_[module + ".weight"] = {
        stored, linear.reads, linear.role, {linear.out, linear.in}, packed};
    if (linear.bias)
      slices_[module + ".bias"] = {stored + "_bias", linear.reads, linear.role, {linear.out}};
  }
  at::Tensor of_expert(const Slice& slice) const {
    const auto pick = [&](const std::string& name) {
      const at::Tensor all = base_->load(name);
      require(all.dim() > 0 && slice.expert < all.size(0), ErrorCode::Format,
              "{}: holds no expert {}", name, slice.expert);
      return all.select(0, slice.expert);
    };
    if (!slice.packed) return pick(slice.stored);
    const at::Tensor blocks = pick(slice.stored + "_blocks");
    const at::Tensor exponents = pick(slice.stored + "_scales");
    require(blocks.dim() == 3 && blocks.scalar_type() == at::kByte && blocks.size(2) == 16 &&
                exponents.scalar_type() == at::kByte &&
                exponents.sizes() == blocks.sizes().slice(0, 2),
            ErrorCode::Format, "{}: its blocks and scales do not fit each other", slice.stored);
    return unpack_mxfp4(blocks, exponents);
  }
  /// Gate or up of both: in turn, or one before the other.
  at::Tensor half(const at::Tensor& both, bool up) const {
    if (by_input_) return both.slice(0, up ? 1 : 0, std::nullopt, 2);
    return both.narrow(0, up ? both.size(0) / 2 : 0, both.size(0) / 2);
  }

  std::unique_ptr<WeightSource> base_;
  bool by_input_;
  std::set<std::string> names_;
  std::map<std::string, Slice> slices_;
};

}  // namespace

std::unique_ptr<WeightSource> split_experts(std::unique_ptr<WeightSource> source,
                                            const ModelConfig& config) {
  auto split = std::make_unique<ExpertSource>(std::move(source), config);
  if (!split->splits()) return split->release();
  return split;
}

}  // namespace mpq
