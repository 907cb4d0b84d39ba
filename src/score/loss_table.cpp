// Ranks from losses, and losses from ranks.
#include "mpq/score/loss_table.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "mpq/core/error.h"
#include "mpq/core/log.h"

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
  for (size_t u = 0; u < context.units.size(); ++u) {
    const int64_t block = context.units[u].unit.block;
    const double score = block_score[static_cast<size_t>(block)];
    require(std::isfinite(score), ErrorCode::Numeric,
            "the score of block {} is {}; try --dtype float32, or check the checkpoint's weights",
            block, score);
    table.score[u] = score;
  }
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
    const double weight = deviation == 0 ? 1 : std::exp((ranked.score[u] - mean) / deviation);
    for (double& loss : ranked.loss[u]) loss *= weight;
  }
}

void drop_unmeasured(ScoreContext& context, ScoreTable& table) {
  for (size_t u = 0; u < context.units.size(); ++u) {
    auto& [unit, specs] = context.units[u];
    for (size_t c = specs.size(); c-- > 0;) {
      if (std::isfinite(table.loss[u][c])) continue;
      const bool others = std::any_of(table.loss[u].begin(), table.loss[u].end(),
                                      [](double loss) { return std::isfinite(loss); });
      require(others, ErrorCode::Numeric,
              "{}: the loss of {} is {}, and so is that of every other candidate; try --dtype "
              "float32, or check the checkpoint's weights",
              unit.name, specs[c], table.loss[u][c]);
      log_warning("{}: the loss of {} is {}: it is left out of the palette there", unit.name,
                  specs[c], table.loss[u][c]);
      const auto at = static_cast<std::ptrdiff_t>(c);
      specs.erase(specs.begin() + at);
      table.loss[u].erase(table.loss[u].begin() + at);
      table.loss_stderr[u].erase(table.loss_stderr[u].begin() + at);
      for (auto& pair : table.pairs) {
        if (pair.first == u) pair.interaction.erase(pair.interaction.begin() + at);
        if (pair.second != u) continue;
        for (auto& row : pair.interaction) row.erase(row.begin() + at);
      }
    }
  }
}

}  // namespace mpq
