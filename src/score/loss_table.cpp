// Ranks from losses, and losses from ranks.
#include "mpq/score/loss_table.h"

#include <cmath>
#include <cstdlib>

namespace mpq {

ScoreTable empty_table(const ScoreContext& context, const std::string& loss_unit) {
  ScoreTable table;
  table.loss_unit = loss_unit;
  table.score.assign(context.units.size(), 0);
  for (const auto& unit : context.units) {
    table.loss.emplace_back(unit.candidates.size(), 0.0);
    table.loss_stderr.emplace_back(unit.candidates.size(), 0.0);
  }
  return table;
}

void rank_by_loss(const ScoreContext& context, ScoreTable& table) {
  for (size_t u = 0; u < context.units.size(); ++u) {
    int nearest = 1000;
    for (size_t c = 0; c < context.units[u].candidates.size(); ++c) {
      const auto& spec = context.units[u].candidates[c];
      if (spec == kFullPrecision || !std::isfinite(table.loss[u][c])) continue;
      const int distance = std::abs(make_method(spec).encoding.bits - 4);
      if (distance < nearest) {
        nearest = distance;
        table.score[u] = table.loss[u][c];
      }
    }
  }
}

void rank_by_block(const ScoreContext& context, const std::vector<double>& block_score,
                   ScoreTable& table) {
  for (size_t u = 0; u < context.units.size(); ++u)
    table.score[u] = block_score[static_cast<size_t>(context.units[u].unit.block)];
}

void share_block_loss(const ScoreContext& context, int64_t block, size_t candidate, double loss,
                      double stderr_, ScoreTable& table) {
  double weights = 0;
  for (const auto& unit : context.units)
    weights += unit.unit.block == block ? static_cast<double>(unit.unit.weights()) : 0;
  for (size_t u = 0; u < context.units.size(); ++u) {
    const auto& [unit, candidates] = context.units[u];
    if (unit.block != block || candidates[candidate] == kFullPrecision) continue;
    const double share = static_cast<double>(unit.weights()) / weights;
    table.loss[u][candidate] = loss * share;
    table.loss_stderr[u][candidate] = stderr_ * share;
  }
}

void weight_local_losses(const ScoreTable& local, ScoreTable& ranked) {
  double mean = 0;
  for (const double score : ranked.score) mean += score;
  mean /= static_cast<double>(ranked.score.size());
  double variance = 0;
  for (const double score : ranked.score) variance += (score - mean) * (score - mean);
  const double deviation =
      std::sqrt(variance / std::max<double>(1, static_cast<double>(ranked.score.size()) - 1));
  ranked.loss = local.loss;
  ranked.loss_stderr = local.loss_stderr;
  ranked.loss_unit = "local relative error x exp(rank)";
  for (size_t u = 0; u < ranked.score.size(); ++u) {
    const double weight = deviation > 0 ? std::exp((ranked.score[u] - mean) / deviation) : 1;
    for (double& loss : ranked.loss[u]) loss *= weight;
  }
}

}  // namespace mpq
