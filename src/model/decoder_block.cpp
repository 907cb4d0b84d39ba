// The forward pass of one block, stage by stage; the only implementation there is.
#include "mpq/model/decoder_block.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/core/progress.h"
#include "mpq/model/attention.h"

namespace mpq {
namespace {

at::ScalarType compute_dtype(const DecoderBlock& block) {
  return block.weights.front().scalar_type();
}

at::Tensor linear(const DecoderBlock& block, size_t index, const at::Tensor& x) {
  return at::linear(x, block.weights[index], block.biases[index]);
}

/// Outputs of a stage's linears, side by side in the order of the configuration.
std::vector<at::Tensor> run_linears(const ModelConfig& config, const DecoderBlock& block,
                                    Stage stage, const at::Tensor& x) {
  std::vector<at::Tensor> outputs;
  for (size_t i = 0; i < config.linears.size(); ++i) {
    if (config.linears[i].stage == stage) outputs.push_back(linear(block, i, x));
  }
  return outputs;
}

/// Splits fused outputs so that both layouts look alike.
std::vector<at::Tensor> split_outputs(const std::vector<at::Tensor>& outputs,
                                      at::IntArrayRef sizes) {
  return outputs.size() == sizes.size() ? outputs
                                        : at::split_with_sizes(outputs.front(), sizes, -1);
}

void add_residual(const ModelConfig& config, const at::Tensor& after_norm, const at::Tensor& update,
                  StageState& state) {
  state.residual =
      state.residual + (after_norm.defined() ? rms_norm(update, after_norm, config) : update);
}

}  // namespace

at::ScalarType wide_dtype(at::ScalarType compute) { return at::promote_types(compute, at::kFloat); }

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const ModelConfig& config) {
  const auto wide = x.to(wide_dtype(x.scalar_type()));
  const auto normalised = wide * at::rsqrt(wide.square().mean(-1, true) + config.norm_eps);
  return normalised * (config.norm_plus_one ? weight + 1 : weight);
}

StageState enter_block(const ModelConfig& config, const DecoderBlock& block,
                       const at::Tensor& hidden) {
  return {hidden, rms_norm(hidden, block.norm_attention, config).to(compute_dtype(block))};
}

StageState enter_mlp(const ModelConfig& config, const DecoderBlock& block,
                     const at::Tensor& residual) {
  return {residual, rms_norm(residual, block.norm_mlp, config).to(compute_dtype(block))};
}

int64_t block_products(const ModelConfig& config, Stage first) {
  int64_t products = 0;
  for (const auto& linear : config.linears)
    products += linear.stage >= first ? linear.out * linear.in : 0;
  return products;
}

int64_t stage_products(const ModelConfig& config, Stage stage) {
  int64_t products = 0;
  for (const auto& linear : config.linears)
    products += linear.stage == stage ? linear.out * linear.in : 0;
  return products;
}

void advance(const ModelConfig& config, const DecoderBlock& block, Stage stage,
             const std::vector<SequenceRun>& runs, StageState& state, KvCache* cache) {
  count_products(state.input.size(0) * stage_products(config, stage));
  const auto outputs = run_linears(config, block, stage, state.input);
  switch (stage) {
    case Stage::AttentionIn: {
      const int64_t key_channels = config.kv_heads * config.head_dim;
      const auto qkv =
          split_outputs(outputs, {config.heads * config.head_dim, key_channels, key_channels});
      state.input = attend(config, block, qkv[0], qkv[1], qkv[2], runs, cache);
      return;
    }
    case Stage::AttentionOut:
      add_residual(config, block.norm_after_attention, outputs.front(), state);
      state.input = enter_mlp(config, block, state.residual).input;
      return;
    case Stage::MlpIn: {
      const auto halves = split_outputs(outputs, {config.intermediate, config.intermediate});
      const auto wide = halves[0].to(wide_dtype(halves[0].scalar_type()));
      const auto gate =
          config.activation == Activation::Silu ? at::silu(wide) : at::gelu(wide, "tanh");
      state.input = (gate * halves[1]).to(compute_dtype(block));
      return;
    }
    case Stage::MlpOut:
      add_residual(config, block.norm_after_mlp, outputs.front(), state);
      state.input = at::Tensor();
      return;
  }
  fail(ErrorCode::Internal, "unknown stage");
}

at::Tensor forward_block(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceRun>& runs, const at::Tensor& hidden,
                         KvCache* cache) {
  StageState state = enter_block(config, block, hidden);
  for (int stage = 0; stage < kStages; ++stage)
    advance(config, block, static_cast<Stage>(stage), runs, state, cache);
  return state.residual;
}

}  // namespace mpq
