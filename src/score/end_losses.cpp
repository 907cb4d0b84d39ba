// Each candidate goes through the whole model, or through the head alone.
#include "mpq/score/end_losses.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/calib/quantize_end.h"
#include "mpq/core/progress.h"
#include "mpq/score/output_probe.h"

namespace mpq {
namespace {

bool is_end(const ScoredUnit& unit) { return unit.unit.end != End::None; }

/// The groups' embeddings from a table.
Streams embedded(const Model& model, const std::vector<SequenceGroup>& groups,
                 const at::Tensor& table) {
  Streams streams;
  for (const auto& group : groups) streams.push_back(model.embed(group.plan.ids(), table));
  return streams;
}

}  // namespace

ScoreContext without_ends(const ScoreContext& context) {
  ScoreContext rest = context;
  std::erase_if(rest.units, is_end);
  return rest;
}

bool has_ends(const ScoreContext& context) {
  return std::any_of(context.units.begin(), context.units.end(), is_end);
}

void measure_ends(const ScoreContext& context, double text_weight, ScoreTable& table) {
  const Model& model = *context.model;
  const OutputProbe probe(context, {.text_weight = text_weight});
  const std::vector<SequenceGroup> probed = pick(context.groups, probed_groups(context));
  const Streams outputs = probe.outputs();
  const auto hessian = head_hessian(model, probed, outputs);
  int64_t candidates = 0;
  for (const auto& unit : context.units) candidates += is_end(unit) ? count_candidates(unit) : 0;
  Progress progress("score the embedding and the head", candidates);
  for (size_t u = 0; u < context.units.size(); ++u) {
    const auto& [unit, specs] = context.units[u];
    if (unit.end == End::None) continue;
    for (size_t c = 0; c < specs.size(); ++c) {
      if (specs[c] == kFullPrecision) continue;
      const Method method = make_method(specs[c], context.stored_dtype);
      const at::Tensor weight = dequantize(quantize_end(model, unit, method, hessian));
      // A head alone goes through no block, and leaves the outputs as they are.
      const bool embeds = unit.end != End::Head;
      const auto kl = probe.divergences(embeds ? -1 : model.config().layers - 1,
                                        {embeds ? embedded(model, probed, weight) : outputs},
                                        unit.end == End::Embedding ? at::Tensor() : weight);
      const MeanWithError loss = probe.loss(kl.front());
      table.loss[u][c] = loss.mean;
      table.loss_stderr[u][c] = loss.stderr_;
      progress.step();
    }
  }
}

}  // namespace mpq
