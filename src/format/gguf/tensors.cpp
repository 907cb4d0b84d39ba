// Names by role, never by the checkpoint's names.
#include "tensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "mpq/core/error.h"
#include "mpq/model/tensor_names.h"

namespace mpq {
namespace {

std::string linear_name(const LinearInfo& linear) {
  const char* suffix = linear.reads >= 0 ? "_exps" : linear.reads == kSharedExpert ? "_shexp" : "";
  const auto of_mlp = [&](const char* name) { return std::string(name) + suffix; };
  switch (linear.role) {
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
      return of_mlp("ffn_gate");
    case Role::Up:
    case Role::GateUp:  // Phi-3's and GLM-4's up, of twice the rows
      return of_mlp("ffn_up");
    case Role::Down:
      return of_mlp("ffn_down");
    case Role::KeyValue:
    case Role::Mixer:
    case Role::MixerGate:
      break;
  }
  fail(ErrorCode::Internal, "a role that no written architecture has");
}

bool is_of_mlp(const LinearInfo& linear) {
  return linear.stage == Stage::MlpIn || linear.stage == Stage::MlpOut;
}

class Lister {
 public:
  Lister(const ModelConfig& model, const WeightSource& weights)
      : model_(model), weights_(weights), family_(family_of_model(model.model_type)) {}

  std::vector<GgufTensor> list() {
    const TensorNames names(model_, weights_);
    add("token_embd.weight", names.embedding(), {model_.vocab, model_.hidden},
        GgufTensor::Kind::Embedding);
    for (block_ = 0; block_ < model_.layers; ++block_) add_block();
    block_ = -1;
    add_norm("output_norm", names.final_norm(), model_.hidden);
    // llama.cpp takes the embedding where there is no head; of some families it looks for none.
    if (names.head() != names.embedding() && family_.graph.output != GgufGraph::Output::Embedding)
      add("output.weight", names.head(), {model_.vocab, model_.hidden}, GgufTensor::Kind::Head);
    return std::move(tensors_);
  }

 private:
  void check_shape(const std::string& source, const std::vector<int64_t>& shape) const {
    const auto found = weights_.shape(source);
    require(found == shape, ErrorCode::Format, "{}: expected [{}], found [{}]", source,
            fmt::join(shape, ", "), fmt::join(found, ", "));
  }
  void add(const std::string& name, const std::string& source, std::vector<int64_t> shape,
           GgufTensor::Kind kind) {
    check_shape(source, shape);
    GgufTensor tensor;
    tensor.name = name;
    tensor.source = source;
    tensor.shape = std::move(shape);
    tensor.kind = kind;
    tensor.block = block_;
    tensors_.push_back(std::move(tensor));
  }
  const BlockConfig& block() const { return model_.block(block_); }
  std::string in_block(const std::string& name) const {
    return fmt::format("blk.{}.{}", block_, name);
  }
  void add_norm(const std::string& name, const std::string& source, int64_t size) {
    add(name + ".weight", source, {size}, GgufTensor::Kind::Norm);
    tensors_.back().added = model_.blocks.front().norm.kind == NormKind::RmsPlusOne ? 1 : 0;
  }
  void add_block_norm(const char* name, Side side) {
    const auto found = block().sides.find(side);
    if (found == block().sides.end()) return;
    add_norm(in_block(name), model_.block_prefix(block_) + found->second.name,
             found->second.shape.front());
  }
  void add_router(const char* name, Side side) {
    const auto found = block().sides.find(side);
    if (found == block().sides.end()) return;
    add(in_block(name), model_.block_prefix(block_) + found->second.name, found->second.shape,
        GgufTensor::Kind::Router);
  }
  void mark(const LinearInfo& linear) {
    tensors_.back().role = linear.role;
    if (!family_.of_llama) return;
    if (linear.role == Role::Query) tensors_.back().permuted_heads = block().attention.heads;
    if (linear.role == Role::Key) tensors_.back().permuted_heads = block().attention.kv_heads;
  }
  /// One more expert's matrix, in a tensor of all of them.
  void add_expert(const LinearInfo& linear, const std::string& name, const std::string& source) {
    const auto [place, first] = experts_.emplace(name, tensors_.size());
    if (first) {
      add(name, source, {linear.out, linear.in}, GgufTensor::Kind::Linear);
      tensors_.back().shape.insert(tensors_.back().shape.begin(), block().router.experts);
      tensors_.back().role = linear.role;
    } else {
      check_shape(source, {linear.out, linear.in});
    }
    tensors_[place->second].experts.push_back(source);
  }
  void add_linear(const LinearInfo& linear) {
    const std::string name = in_block(linear_name(linear));
    const std::string source = model_.weight_name(block_, linear);
    if (linear.reads >= 0) return add_expert(linear, name + ".weight", source);
    add(name + ".weight", source, {linear.out, linear.in}, GgufTensor::Kind::Linear);
    mark(linear);
    if (!linear.bias) return;
    add(name + ".bias", model_.block_prefix(block_) + linear.module + ".bias", {linear.out},
        GgufTensor::Kind::Bias);
    mark(linear);
  }
  void add_linears(bool of_mlp) {
    for (const LinearInfo& linear : block().linears) {
      if (is_of_mlp(linear) == of_mlp) add_linear(linear);
    }
  }
  void add_block() {
    require(block().mixture() == model_.blocks.front().mixture(), ErrorCode::Unsupported,
            "GGUF: some layers have experts and others have none, which llama.cpp does not know "
            "of \"{}\"",
            model_.model_type);
    add_block_norm("attn_norm", Side::AttentionNorm);
    add_block_norm("attn_q_norm", Side::QueryNorm);
    add_block_norm("attn_k_norm", Side::KeyNorm);
    add_linears(false);
    add_block_norm("post_attention_norm", Side::AfterAttentionNorm);
    add_block_norm(family_.mlp_norm, Side::MlpNorm);
    add_router("ffn_gate_inp.weight", Side::Router);
    add_router("ffn_gate_inp_shexp.weight", Side::SharedGate);
    add_linears(true);
    add_block_norm("post_ffw_norm", Side::AfterMlpNorm);
  }

  const ModelConfig& model_;
  const WeightSource& weights_;
  const GgufFamily& family_;
  int64_t block_ = -1;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, size_t> experts_;  // where a tensor of all experts stands
};

}  // namespace

std::vector<GgufTensor> gguf_tensors(const ModelConfig& model, const WeightSource& weights) {
  return Lister(model, weights).list();
}

std::vector<std::string> GgufTensor::sources() const {
  if (!experts.empty()) return experts;
  return source.empty() ? std::vector<std::string>() : std::vector<std::string>{source};
}

}  // namespace mpq
