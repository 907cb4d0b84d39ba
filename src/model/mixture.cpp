// Routers of the published mixtures: scores, groups, choice, weights.
#include "mpq/model/mixture.h"

#include <ATen/ATen.h>

#include <limits>

namespace mpq {
namespace {

/// Scores of experts outside the best groups become the least there is. A group is as good as its
/// best two experts together (DeepSeek-V3).
at::Tensor within_groups(const RouterConfig& config, const at::Tensor& scores) {
  if (config.groups <= 1) return scores;
  const int64_t each = config.experts / config.groups;
  const auto grouped = scores.view({scores.size(0), config.groups, each});
  const auto best = std::get<0>(grouped.topk(std::min<int64_t>(2, each), -1)).sum(-1);
  const auto chosen = std::get<1>(best.topk(config.top_groups, -1));
  const auto mask = at::zeros_like(best).scatter(1, chosen, 1.0).unsqueeze(-1).expand_as(grouped);
  return grouped.masked_fill(mask == 0, -std::numeric_limits<float>::infinity()).reshape_as(scores);
}

}  // namespace

int64_t Routing::count(int64_t expert) const {
  const auto index = static_cast<size_t>(expert);
  return first[index + 1] - first[index];
}

Routing route(const RouterConfig& config, const at::Tensor& input, const RouterTensors& tensors) {
  const auto& [router, bias, shared_gate, expert_scale] = tensors;
  auto logits = at::linear(input, router);
  if (bias.defined() && !config.sigmoid) logits = logits + bias;
  const auto scores = config.sigmoid ? at::sigmoid(logits) : at::softmax(logits, -1);
  const auto ranks = bias.defined() && config.sigmoid ? scores + bias : scores;
  const auto chosen = std::get<1>(within_groups(config, ranks).topk(config.top_k, -1));
  auto weights = scores.gather(1, chosen);
  if (config.renormalise)
    weights = weights / (weights.sum(-1, true) + (config.sigmoid ? 1e-20 : 0));
  weights = (weights * config.scale).flatten();
  const auto experts = chosen.flatten();
  if (expert_scale.defined()) weights = weights * expert_scale.index_select(0, experts);

  const auto order = at::argsort(experts, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  Routing routing;
  routing.rows = at::floor_divide(order, config.top_k);
  routing.weights = weights.index_select(0, order);
  const auto counts = at::bincount(experts, {}, config.experts).cumsum(0).contiguous();
  routing.first.push_back(0);
  for (int64_t expert = 0; expert < config.experts; ++expert)
    routing.first.push_back(counts.const_data_ptr<int64_t>()[expert]);
  if (shared_gate.defined()) routing.shared = at::sigmoid(at::linear(input, shared_gate));
  return routing;
}

at::Tensor combine(const Routing& routing, const at::Tensor& outputs, int64_t rows) {
  const auto weighted = outputs.to(routing.weights.scalar_type()) * routing.weights.unsqueeze(1);
  return at::zeros({rows, outputs.size(1)}, weighted.options())
      .index_add(0, routing.rows, weighted);
}

}  // namespace mpq
