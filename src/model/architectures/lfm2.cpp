// LFM2: short convolutions with two gates, attention in a few layers.
#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

/// What the configuration class makes of `intermediate_size`.
int64_t mlp_width(const Json& config, const std::string& where) {
  const auto width =
      json_get_or<int64_t>(config, "block_ff_dim",
                           json_get_or<int64_t>(config, "intermediate_size", 12288, where), where);
  if (!json_get_or<bool>(config, "block_auto_adjust_ff_dim", true, where)) return width;
  const int64_t multiple = size_member(config, "block_multiple_of", kMaxWidth, where);
  const auto factor = json_get<double>(config, "block_ffn_dim_multiplier", where);
  require(width > 0 && width < kMaxWidth, ErrorCode::Format,
          "{}: an MLP of {} channels, expected 1 to {}", where, width, kMaxWidth - 1);
  const double scaled = factor * static_cast<double>(2 * width / 3);
  require(scaled >= 1 && scaled < static_cast<double>(kMaxWidth), ErrorCode::Format,
          "{}: \"block_ffn_dim_multiplier\" {} makes an MLP of {} channels, expected 1 to {}",
          where, factor, scaled, kMaxWidth - 1);
  return (static_cast<int64_t>(scaled) + multiple - 1) / multiple * multiple;
}

void rename_attention(BlockConfig& block) {
  set_head_norms(block, HeadNorm::PerHead);
  block.sides[Side::QueryNorm].name = "self_attn.q_layernorm.weight";
  block.sides[Side::KeyNorm].name = "self_attn.k_layernorm.weight";
  for (auto& linear : block.linears) {
    if (linear.role == Role::Output) linear.module = "self_attn.out_proj";
  }
}

void set_convolution(BlockConfig& block, int64_t hidden, const Json& config,
                     const std::string& where) {
  const auto taps = json_get<int64_t>(config, "conv_L_cache", where);
  require(taps > 0 && taps < 65'536, ErrorCode::Format,
          "{}: \"conv_L_cache\" is {}, expected 1 to 65535", where, taps);
  const bool bias = json_get_or<bool>(config, "conv_bias", false, where);
  block.mixer = Mixer::ShortConvolution;
  std::erase_if(block.linears, [](const LinearInfo& linear) {
    return linear.stage == Stage::AttentionIn || linear.stage == Stage::AttentionOut;
  });
  const LinearInfo in{Role::Mixer, Stage::AttentionIn, "conv.in_proj", 3 * hidden, hidden, bias};
  const LinearInfo out{Role::Output, Stage::AttentionOut, "conv.out_proj", hidden, hidden, bias};
  block.linears.insert(block.linears.begin(), {in, out});
  block.sides[Side::Convolution] = {"conv.conv.weight", {hidden, 1, taps}};
  if (bias) block.sides[Side::ConvolutionBias] = {"conv.conv.bias", {hidden}};
}

class Lfm2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Lfm2(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"num_key_value_heads", 8},
                                         {"conv_L_cache", 3},
                                         {"rope_theta", 1e6},
                                         {"block_multiple_of", 256},
                                         {"block_ffn_dim_multiplier", 1.0},
                                         {"tie_word_embeddings", true}});
    const auto tied = json_get<bool>(config, "tie_word_embeddings", where);
    config["tie_word_embeddings"] = json_get_or<bool>(config, "tie_embedding", tied, where);
    config["intermediate_size"] = mlp_width(config, where);
    const LlamaTraits traits{
        .eps_key = "norm_eps", .eps = 1e-5, .layer_types = {"full_attention", "conv"}};
    ModelConfig model = configure_llama_like(config, where, traits);
    const auto types = layer_types(config, model.layers, traits.layer_types, where);
    const auto attends = json_get_or<std::vector<int64_t>>(config, "full_attn_idxs", {}, where);
    for (size_t layer = 0; layer < model.blocks.size(); ++layer) {
      BlockConfig& block = model.blocks[layer];
      const bool listed =
          attends.empty() ||
          std::find(attends.begin(), attends.end(), static_cast<int64_t>(layer)) != attends.end();
      set_norm(block, Side::AttentionNorm, "operator_norm", model.hidden);
      set_norm(block, Side::MlpNorm, "ffn_norm", model.hidden);
      drop_mlp(block);
      set_mlp(block, model.hidden,
              {.module = "feed_forward", .gate = "w1", .up = "w3", .down = "w2"});
      if (types.empty() ? listed : types[layer] == "full_attention") {
        rename_attention(block);
      } else {
        set_convolution(block, model.hidden, config, where);
      }
    }
    model.layouts.front().norm = "embedding_norm.weight";
    return model;
  }
};

MPQ_REGISTER(Architecture, Lfm2, "lfm2", "LFM2: short convolutions");

}  // namespace
}  // namespace mpq
