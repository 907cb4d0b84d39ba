// Opens a model, checks its tensors, loads its parts.
#include "mpq/model/model.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/model/architecture.h"
#include "mpq/model/expert_source.h"
#include "mpq/model/tensor_names.h"

namespace mpq {
namespace {

/// Past this many weights in the blocks, `auto` keeps bfloat16 checkpoints in bfloat16 where the
/// processor multiplies it; below, float32 costs little and is exact.
constexpr int64_t kFloatLimit = 50'000'000;

bool multiplies_bfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#elif defined(__ARM_FEATURE_BF16)
  return true;
#else
  return false;
#endif
}

at::ScalarType choose_dtype(const std::string& name, at::ScalarType stored, int64_t weights) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  if (name == "float64") return at::kDouble;
  require(name == "auto", ErrorCode::Usage,
          "--dtype: expected auto, float32, bfloat16, float16 or float64, found \"{}\"", name);
  const bool narrow = stored == at::kBFloat16 && weights > kFloatLimit && multiplies_bfloat16();
  return narrow ? at::kBFloat16 : at::kFloat;
}

/// Statistics and solvers have run on the processor alone: no other device is offered before they
/// have run there.
void check_device(const std::string& name) {
  require(name == "cpu", ErrorCode::Unsupported,
          "--device {}: mpq computes on the processor; expected cpu", name);
}

/// The checkpoint's linears' dtype, that of their scales: the widest when they differ.
at::ScalarType dtype_of_linears(const ModelConfig& config, const WeightSource& weights) {
  std::optional<at::ScalarType> dtype;
  for (int64_t block = 0; block < config.layers; ++block) {
    for (const auto& linear : config.block(block).linears) {
      const auto own = weights.dtype(config.weight_name(block, linear));
      dtype = dtype ? at::promote_types(*dtype, own) : own;
    }
  }
  return dtype.value();
}

/// x W^T in x's dtype, for weights [out, in] in any: they are widened some at a time, so that a
/// large vocabulary is never held twice.
at::Tensor wide_product(const at::Tensor& x, const at::Tensor& weight) {
  if (weight.scalar_type() == x.scalar_type()) return at::linear(x, weight);
  constexpr int64_t kRows = 8192;
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < weight.size(0); first += kRows) {
    const auto rows = weight.narrow(0, first, std::min(kRows, weight.size(0) - first));
    parts.push_back(at::linear(x, rows.to(x.scalar_type())));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, -1);
}

}  // namespace

Model::Model(const std::string& folder, std::unique_ptr<WeightSource> weights,
             const ComputeOptions& options)
    : folder_(folder),
      config_(laid_out(read_model_config(folder), *weights)),
      weights_(split_experts(std::move(weights), config_)),
      device_(at::kCPU),
      dtype_(at::kFloat),
      stored_dtype_(at::kFloat) {
  check_tensors();
  const TensorNames names(config_, *weights_);
  check_device(options.device);
  stored_dtype_ = dtype_of_linears(config_, *weights_);
  dtype_ = choose_dtype(options.dtype, stored_dtype_, config_.quantizable_weights());
  if (options.outline) return;
  embedding_ = load(names.embedding());
  head_ = names.head() == names.embedding() ? embedding_ : load(names.head());
  // Many tied checkpoints store the same matrix twice.
  const bool apart = names.head() != names.embedding();
  if (config_.tied_embeddings && apart && head_.equal(embedding_)) head_ = embedding_;
  if (config_.tied_embeddings && apart && !head_.is_same(embedding_)) {
    log_warning(
        "{}: config.json ties the head to the embedding, but {} is stored with values of its "
        "own: it is used, as transformers 5 and vLLM do",
        folder_, names.head());
  }
  final_norm_ = load_wide(names.final_norm());
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

at::Tensor Model::load(const std::string& name) const { return load(name, dtype_); }

at::Tensor Model::load_wide(const std::string& name) const {
  return load(name, wide_dtype(dtype_));
}

at::Tensor Model::load(const std::string& name, at::ScalarType dtype) const {
  const at::Tensor weight = weights_->load(name).to(at::kCPU, dtype);
  // The sum is the cheap test; it may overflow where no weight does.
  require(at::isfinite(weight.sum()).item<bool>() || at::isfinite(weight).all().item<bool>(),
          ErrorCode::Numeric, "{}: {} holds NaN or infinity{}; check the checkpoint", folder_, name,
          dtype == at::kHalf ? " in float16 (try --dtype float32)" : "");
  return weight;
}

std::vector<Unit> Model::end_units() const {
  const TensorNames names(config_, *weights_);
  const auto unit = [&](const std::string& tensor, End end) {
    Unit result;
    result.module = tensor.substr(0, tensor.rfind('.'));
    result.name = result.module;
    result.block = config_.layers;
    result.end = end;
    result.out = config_.vocab;
    result.in = config_.hidden;
    return result;
  };
  const bool one = head_.defined() ? head_.is_same(embedding_) : names.head() == names.embedding();
  if (one) {
    // A copy of the matrix under a second name would stay as it is, and be read.
    return names.head() == names.embedding() ? std::vector{unit(names.embedding(), End::Both)}
                                             : std::vector<Unit>{};
  }
  return {unit(names.embedding(), End::Embedding), unit(names.head(), End::Head)};
}

at::Tensor Model::end_weight(const Unit& unit) const {
  return (unit.end == End::Head ? head_ : embedding_).to(at::kFloat);
}

DecoderBlock Model::load_block(int64_t index) const {
  const std::string prefix = config_.block_prefix(index);
  DecoderBlock block;
  block.index = index;
  block.config = &config_.block(index);
  for (const auto& linear : block.config->linears) {
    block.weights.push_back(load(config_.weight_name(index, linear)));
    block.biases.push_back(linear.bias ? load(prefix + linear.module + ".bias") : at::Tensor());
  }
  for (const auto& [side, tensor] : block.config->sides)
    block.sides[side] = load_wide(prefix + tensor.name);
  return block;
}

void Model::read_ahead(int64_t index) const {
  for (const auto& linear : config_.block(index).linears)
    weights_->read_ahead(config_.weight_name(index, linear));
}

at::Tensor Model::embed(const at::Tensor& ids) const { return embed(ids, embedding_); }

at::Tensor Model::embed(const at::Tensor& ids, const at::Tensor& table) const {
  require(ids.numel() == 0 ||
              (ids.min().item<int64_t>() >= 0 && ids.max().item<int64_t>() < config_.vocab),
          ErrorCode::Usage,
          "{}: a token id is outside the vocabulary of {}; is this its tokenizer?", folder_,
          config_.vocab);
  const auto rows = at::embedding(table, ids.to(device_)).to(wide_dtype(dtype_));
  if (config_.embedding_scale == 1) return rows;
  // transformers rounds the factor to the model's dtype.
  return rows * at::scalar_tensor(config_.embedding_scale, embedding_.options());
}

at::Tensor Model::normalised(const at::Tensor& hidden) const {
  return normalise(hidden, final_norm_, config_.blocks.back().norm);
}

at::Tensor Model::logits(const at::Tensor& hidden) const { return logits(hidden, head_); }

at::Tensor Model::logits(const at::Tensor& hidden, const at::Tensor& head) const {
  auto scores = wide_product(normalised(hidden), head);
  if (config_.logits_scale != 1) scores = scores * config_.logits_scale;
  if (config_.logits_softcap > 0)
    scores = at::tanh(scores / config_.logits_softcap) * config_.logits_softcap;
  return scores;
}

}  // namespace mpq
