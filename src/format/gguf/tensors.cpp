// Names by role, never by the checkpoint's names.
#include "tensors.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/model/tensor_names.h"

namespace mpq {
namespace {

const char* linear_name(Role role) {
  switch (role) {
    case Role::Query:
      return "attn_q";
    case Role::Key:
      return "attn_k";
    case Role::Value:
      return "attn_v";
    case Role::QueryKeyValue:
      return "attn_qkv";
    case Role::Output:
      return "attn_output";
    case Role::Gate:
      return "ffn_gate";
    case Role::Up:
    case Role::GateUp:  // Phi-3's up, of twice the rows
      return "ffn_up";
    case Role::Down:
      return "ffn_down";
    case Role::KeyValue:
    case Role::Mixer:
    case Role::MixerGate:
      break;
  }
  fail(ErrorCode::Internal, "a role that no written architecture has");
}

class Lister {
 public:
  Lister(const ModelConfig& model, const WeightSource& weights)
      : model_(model), weights_(weights) {}

  std::vector<GgufTensor> list() {
    const TensorNames names(model_, weights_);
    add("token_embd.weight", names.embedding(), {model_.vocab, model_.hidden},
        GgufTensor::Kind::Embedding);
    for (block_ = 0; block_ < model_.layers; ++block_) add_block();
    block_ = -1;
    add_norm("output_norm", names.final_norm(), model_.hidden);
    // llama.cpp takes the embedding where there is no head; for Gemma it looks for none.
    if (names.head() != names.embedding() && model_.model_type != "gemma2")
      add("output.weight", names.head(), {model_.vocab, model_.hidden}, GgufTensor::Kind::Head);
    return std::move(tensors_);
  }

 private:
  void add(const std::string& name, const std::string& source, std::vector<int64_t> shape,
           GgufTensor::Kind kind) {
    const auto found = weights_.shape(source);
    require(found == shape, ErrorCode::Format, "{}: expected [{}], found [{}]", source,
            fmt::join(shape, ", "), fmt::join(found, ", "));
    GgufTensor tensor;
    tensor.name = name;
    tensor.source = source;
    tensor.shape = std::move(shape);
    tensor.kind = kind;
    tensor.block = block_;
    tensors_.push_back(std::move(tensor));
  }
  std::string in_block(const char* name, const char* kind) const {
    return fmt::format("blk.{}.{}.{}", block_, name, kind);
  }
  void add_norm(const std::string& name, const std::string& source, int64_t size) {
    add(name + ".weight", source, {size}, GgufTensor::Kind::Norm);
    tensors_.back().added = model_.blocks.front().norm.kind == NormKind::RmsPlusOne ? 1 : 0;
  }
  const BlockConfig& block() const { return model_.block(block_); }
  void add_block_norm(const char* name, Side side) {
    const auto found = block().sides.find(side);
    if (found == block().sides.end()) return;
    add_norm(fmt::format("blk.{}.{}", block_, name),
             model_.block_prefix(block_) + found->second.name, found->second.shape.front());
  }
  void mark(const LinearInfo& linear) {
    tensors_.back().role = linear.role;
    if (model_.model_type != "llama" && model_.model_type != "mistral") return;
    if (linear.role == Role::Query) tensors_.back().permuted_heads = block().attention.heads;
    if (linear.role == Role::Key) tensors_.back().permuted_heads = block().attention.kv_heads;
  }
  void add_block() {
    add_block_norm("attn_norm", Side::AttentionNorm);
    add_block_norm("attn_q_norm", Side::QueryNorm);
    add_block_norm("attn_k_norm", Side::KeyNorm);
    for (const LinearInfo& linear : block().linears) {
      if (linear.stage == Stage::MlpIn &&
          !tensors_.back().name.starts_with(fmt::format("blk.{}.ffn", block_))) {
        add_block_norm("post_attention_norm", Side::AfterAttentionNorm);
        add_block_norm("ffn_norm", Side::MlpNorm);
      }
      add(in_block(linear_name(linear.role), "weight"), model_.weight_name(block_, linear),
          {linear.out, linear.in}, GgufTensor::Kind::Linear);
      mark(linear);
      if (!linear.bias) continue;
      add(in_block(linear_name(linear.role), "bias"),
          model_.block_prefix(block_) + linear.module + ".bias", {linear.out},
          GgufTensor::Kind::Bias);
      mark(linear);
    }
    add_block_norm("post_ffw_norm", Side::AfterMlpNorm);
  }

  const ModelConfig& model_;
  const WeightSource& weights_;
  int64_t block_ = -1;
  std::vector<GgufTensor> tensors_;
};

}  // namespace

std::vector<GgufTensor> gguf_tensors(const ModelConfig& model, const WeightSource& weights) {
  return Lister(model, weights).list();
}

std::vector<int64_t> gguf_row_order(int64_t rows, int64_t heads) {
  require(heads > 0 && rows > 0 && rows % (2 * heads) == 0, ErrorCode::Internal,
          "gguf: {} rows are not {} heads of two halves", rows, heads);
  const int64_t half = rows / heads / 2;
  std::vector<int64_t> order;
  order.reserve(static_cast<size_t>(rows));
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t i = 0; i < half; ++i) {
      for (const int64_t side : {int64_t{0}, int64_t{1}})
        order.push_back((2 * head + side) * half + i);
    }
  }
  return order;
}

at::Tensor row_index(const GgufTensor& tensor) {
  if (tensor.permuted_heads == 0) return {};
  return at::tensor(gguf_row_order(tensor.shape.front(), tensor.permuted_heads), at::kLong);
}

}  // namespace mpq
