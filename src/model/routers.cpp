// Which experts there are, and how a token chooses.
#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

constexpr int64_t kMaxExperts = 65'536;

/// `mlp_only_layers` and `decoder_sparse_step`.
bool has_experts(const Json& config, int64_t layer, const std::string& where) {
  const auto dense = json_get_or<std::vector<int64_t>>(config, "mlp_only_layers", {}, where);
  const auto step = json_get_or<int64_t>(config, "decoder_sparse_step", 1, where);
  require(step > 0, ErrorCode::Format, "{}: \"decoder_sparse_step\" is {}, expected 1 or more",
          where, step);
  return std::find(dense.begin(), dense.end(), layer) == dense.end() && (layer + 1) % step == 0;
}

}  // namespace

RouterConfig read_router(const Json& config, const char* experts_key, const std::string& where) {
  RouterConfig router;
  // transformers 5 saves every family's number under one name.
  const bool renamed = !config.contains(experts_key) && config.contains("num_local_experts");
  router.experts =
      size_member(config, renamed ? "num_local_experts" : experts_key, kMaxExperts, where);
  router.top_k = size_member(config, "num_experts_per_tok", router.experts + 1, where);
  router.renormalise = json_get_or<bool>(config, "norm_topk_prob", true, where);
  return router;
}

void set_sigmoid_router(RouterConfig& router, const Json& config, const std::string& where) {
  router.sigmoid = true;
  router.scale = json_get<double>(config, "routed_scaling_factor", where);
  router.groups = json_get<int64_t>(config, "n_group", where);
  router.top_groups = json_get<int64_t>(config, "topk_group", where);
  require(router.groups > 0 && router.experts % router.groups == 0 && router.top_groups > 0 &&
              router.top_groups <= router.groups &&
              router.top_k <= router.experts / router.groups * router.top_groups,
          ErrorCode::Format, "{}: {} experts do not make {} groups, {} of which hold {} choices",
          where, router.experts, router.groups, router.top_groups, router.top_k);
}

void set_qwen_mixture(ModelConfig& model, const Json& config, bool shared,
                      const std::string& where) {
  MixtureTraits traits{
      .router = read_router(config, "num_experts", where),
      .intermediate = size_member(config, "moe_intermediate_size", kMaxWidth, where)};
  if (shared) {
    traits.shared_intermediate =
        size_member(config, "shared_expert_intermediate_size", kMaxWidth, where);
    traits.shared_gate = "mlp.shared_expert_gate.weight";
  }
  for (int64_t layer = 0; layer < model.layers; ++layer) {
    if (has_experts(config, layer, where))
      set_mixture(model.blocks[static_cast<size_t>(layer)], model.hidden, traits);
  }
}

}  // namespace mpq
