// What DeepSeek-V3 brought: latent attention, and its mixtures behind dense first layers.
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

constexpr int64_t kMaxRank = 1 << 20;

/// 0 where `q_lora_rank` is null: queries are made of the stream itself.
int64_t query_rank(const Json& config, const std::string& where) {
  const bool none = json_get<Json>(config, "q_lora_rank", where).is_null();
  return none ? 0 : size_member(config, "q_lora_rank", kMaxRank, where);
}

/// Two projections to latents that stay as they are, two linears from them.
void set_latent_attention(BlockConfig& block, const Json& config, int64_t hidden,
                          const std::string& where) {
  const int64_t query = query_rank(config, where);
  const int64_t key = size_member(config, "kv_lora_rank", kMaxRank, where);
  const int64_t plain = size_member(config, "qk_nope_head_dim", kMaxRank, where);
  const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
  AttentionConfig& attention = block.attention;
  const int64_t rotated = attention.rope.dim;
  attention.kv_heads = attention.heads;
  attention.head_dim = plain + rotated;
  attention.value_dim = size_member(config, "v_head_dim", kMaxRank, where);
  attention.scale =
      scaled_attention(attention.rope) / std::sqrt(static_cast<double>(attention.head_dim));
  attention.rope.interleaved = json_get_or<bool>(config, "rope_interleave", true, where);
  block.latent.used = true;
  const auto latent = [&](Side projection, Side with_bias, Side norm, const std::string& names,
                          const char* module, int64_t rank, int64_t out) {
    const std::string name = "self_attn." + names + module;
    block.sides[projection] = {name + ".weight", {out, hidden}};
    if (bias) block.sides[with_bias] = {name + ".bias", {out}};
    set_norm(block, norm, "self_attn." + names + "_layernorm", rank);
  };
  latent(Side::KeyLatent, Side::KeyLatentBias, Side::KeyLatentNorm, "kv_a", "_proj_with_mqa", key,
         key + rotated);
  LinearInfo queries{Role::Query, Stage::AttentionIn, "self_attn.q_proj",
                     attention.heads * attention.head_dim, hidden};
  if (query > 0) {
    latent(Side::QueryLatent, Side::QueryLatentBias, Side::QueryLatentNorm, "q_a", "_proj", query,
           query);
    queries.module = "self_attn.q_b_proj";
    queries.in = query;
    queries.reads = kQueryLatent;
  }
  drop_attention(block);
  const std::vector<LinearInfo> linears{
      queries,
      {Role::KeyValue, Stage::AttentionIn, "self_attn.kv_b_proj",
       attention.heads * (plain + attention.value_dim), key, false, kKeyLatent},
      {Role::Output, Stage::AttentionOut, "self_attn.o_proj", hidden,
       attention.heads * attention.value_dim, bias}};
  block.linears.insert(block.linears.begin(), linears.begin(), linears.end());
}

}  // namespace

void set_deepseek_mixture(ModelConfig& model, const Json& config, int64_t dense,
                          const std::string& where) {
  require(dense >= 0 && dense < kMaxLayers, ErrorCode::Format,
          "{}: \"first_k_dense_replace\": expected 0 to {}, found {}", where, kMaxLayers - 1,
          dense);
  const int64_t width = size_member(config, "moe_intermediate_size", kMaxWidth, where);
  const int64_t shared =
      count_member(config, "n_shared_experts", 1, (kMaxWidth - 1) / width, where);
  MixtureTraits traits{.router = read_router(config, "n_routed_experts", where),
                       .intermediate = width,
                       .shared_intermediate = width * shared,
                       .router_bias = "mlp.gate.e_score_correction_bias",
                       .shared_module = "mlp.shared_experts"};
  set_sigmoid_router(traits.router, config, where);
  for (int64_t layer = dense; layer < model.layers; ++layer)
    set_mixture(model.blocks[static_cast<size_t>(layer)], model.hidden, traits);
  // Blocks that predict further tokens stand behind the others.
  const auto further = json_get_or<int64_t>(config, "num_nextn_predict_layers", 1, where);
  for (int64_t i = 0; i < std::min<int64_t>(further, model.layers); ++i)
    model.carried.push_back(fmt::format("model.layers.{}.", model.layers + i));
}

ModelConfig configure_latent_mixture(Json config, int64_t dense, const std::string& where) {
  config["head_dim"] = json_get<int64_t>(config, "qk_rope_head_dim", where);  // as rope has it
  config["num_key_value_heads"] = json_get<int64_t>(config, "num_attention_heads", where);
  ModelConfig model = configure_llama_like(config, where, {});
  for (auto& block : model.blocks) set_latent_attention(block, config, model.hidden, where);
  set_deepseek_mixture(model, config, dense, where);
  return model;
}

}  // namespace mpq
