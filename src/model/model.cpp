// Opens a model, checks its tensors, loads its parts.
#include "mpq/model/model.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "mpq/core/error.h"
#include "mpq/model/architecture.h"
#include "mpq/model/tensor_names.h"

namespace mpq {
namespace {

/// Past this many weights in the blocks, `auto` keeps bfloat16 checkpoints in bfloat16; below,
/// float32 costs little and is exact.
constexpr int64_t kFloatLimit = 50'000'000;

at::ScalarType choose_dtype(const std::string& name, at::ScalarType stored, int64_t weights) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  if (name == "float64") return at::kDouble;
  require(name == "auto", ErrorCode::Usage,
          "--dtype: expected auto, float32, bfloat16, float16 or float64, found \"{}\"", name);
  return stored == at::kBFloat16 && weights > kFloatLimit ? at::kBFloat16 : at::kFloat;
}

at::Device parse_device(const std::string& name) {
  const bool known = name == "cpu" || name == "cuda" || name.rfind("cuda:", 0) == 0;
  require(known, ErrorCode::Usage, "--device: expected cpu, cuda or cuda:N, found \"{}\"", name);
  if (name != "cpu") {
    require(at::hasCUDA(), ErrorCode::Unsupported,
            "--device {}: this libtorch sees no CUDA device; use --device cpu", name);
  }
  return at::Device(name);
}

}  // namespace

Model::Model(const std::string& folder, std::unique_ptr<WeightSource> weights,
             const ComputeOptions& options)
    : folder_(folder),
      config_(read_model_config(folder)),
      weights_(std::move(weights)),
      device_(parse_device(options.device)),
      dtype_(at::kFloat),
      stored_dtype_(at::kFloat) {
  check_tensors();
  const TensorNames names(config_, *weights_);
  stored_dtype_ = weights_->load(names.embedding()).scalar_type();
  dtype_ = choose_dtype(options.dtype, stored_dtype_, config_.quantizable_weights());
  embedding_ = load(names.embedding());
  head_ = names.head() == names.embedding() ? embedding_ : load(names.head());
  final_norm_ = load(names.final_norm());
}

void Model::check_tensors() const {
  const TensorNames names(config_, *weights_);
  std::vector<std::string> faults;
  const auto note = [&](const std::string& fault) {
    if (faults.size() < 5) faults.push_back(fault);
  };
  const auto present = weights_->names();
  std::set<std::string> unexpected(present.begin(), present.end());
  for (const auto& [name, shape] : names.expected()) {
    if (unexpected.erase(name) == 0) {
      note(name + " is missing");
    } else if (weights_->shape(name) != shape) {
      note(fmt::format("{} has shape [{}], expected [{}]", name,
                       fmt::join(weights_->shape(name), ", "), fmt::join(shape, ", ")));
    }
  }
  for (const auto& name : unexpected) {
    if (!names.ignorable(name)) note(name + " is not part of a " + config_.model_type);
  }
  require(faults.empty(), ErrorCode::Format, "{}: the weights do not fit config.json: {}", folder_,
          fmt::join(faults, "; "));
}

at::Tensor Model::load(const std::string& name) const {
  return weights_->load(name).to(device_, dtype_);
}

DecoderBlock Model::load_block(int64_t index) const {
  const std::string prefix = config_.block_prefix(index);
  const auto norm = [&](const std::string& name) {
    return name.empty() ? at::Tensor() : load(prefix + name + ".weight");
  };
  DecoderBlock block;
  block.index = index;
  for (const auto& linear : config_.linears) {
    block.weights.push_back(load(config_.weight_name(index, linear)));
    block.biases.push_back(linear.bias ? load(prefix + linear.module + ".bias") : at::Tensor());
  }
  block.norm_attention = norm(config_.norm_attention);
  block.norm_mlp = norm(config_.norm_mlp);
  block.norm_after_attention = norm(config_.norm_after_attention);
  block.norm_after_mlp = norm(config_.norm_after_mlp);
  if (config_.qk_norm) {
    block.query_norm = load(prefix + kQueryNorm);
    block.key_norm = load(prefix + kKeyNorm);
  }
  return block;
}

at::Tensor Model::embed(const at::Tensor& ids) const {
  require(ids.numel() == 0 ||
              (ids.min().item<int64_t>() >= 0 && ids.max().item<int64_t>() < config_.vocab),
          ErrorCode::Usage,
          "{}: a token id is outside the vocabulary of {}; is this its tokenizer?", folder_,
          config_.vocab);
  const auto rows = at::embedding(embedding_, ids.to(device_));
  if (config_.embedding_scale == 1) return rows;
  // transformers rounds the factor to the model's dtype.
  return rows * at::scalar_tensor(config_.embedding_scale, rows.options());
}

at::Tensor Model::logits(const at::Tensor& hidden) const {
  const auto normalised = rms_norm(hidden, final_norm_, config_);
  auto scores = at::linear(normalised, head_);
  scores = scores.to(at::promote_types(scores.scalar_type(), at::kFloat));
  if (config_.logits_softcap > 0)
    scores = at::tanh(scores / config_.logits_softcap) * config_.logits_softcap;
  return scores;
}

}  // namespace mpq
