// CALM: for every block the PTQ algorithm whose update best keeps the full-precision one's shape
// (arXiv 2512.16282; methods.md, 2).
#include <ATen/ATen.h>

#include <cmath>

#include "mpq/calib/quantize_block.h"
#include "mpq/core/error.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/update_distance.h"
#include "mpq/score/visit_blocks.h"

namespace mpq {
namespace {

/// One algorithm tried on one block.
struct Trial {
  double loss = 0;
  Streams output;
};

class Calm final : public Scorer {
 public:
  struct Options {
    std::string prefix = "quantized";
    template <class Field>
    void visit(Field&& field) {
      field("prefix", prefix,
            "quantized: inputs come from the blocks already chosen, greedily; full: from the "
            "full-precision model");
    }
  };

  explicit Calm(const Options& options) : options_(options) {
    require(options.prefix == "quantized" || options.prefix == "full", ErrorCode::Usage,
            "calm: option prefix: expected quantized or full, found \"{}\"", options.prefix);
  }

  bool measures_loss() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    const ModelConfig& config = context.model->config();
    ScoreCost cost{total_rows(context.groups) * model_products(config), count_candidates(context)};
    for (const auto& plan : plans_of(context, pool_size(context)))
      cost.products += quantize_cost(task_of(context, plan)).products;
    return cost;
  }

  ScoreTable score(const ScoreContext& context) const override {
    const size_t pool = pool_size(context);
    const auto plans = plans_of(context, pool);
    ScoreTable table = empty_table(context, "1 - CKA");
    visit_blocks(
        context,
        {.title = "score calm", .products = cost(context).products, .changed_prefix = true}, table,
        [&](const DecoderBlock& block, Streams& streams) {
          measure_block(context, plans, block, streams, table);
        });
    Json chosen = Json::array();
    for (int64_t index = 0; index < context.model->config().layers; ++index) {
      const size_t unit = first_unit_of(context, index);
      chosen.push_back(context.units[unit].candidates[winner(table.loss[unit])]);
    }
    table.details["chosen"] = chosen;
    rank_by_loss(context, table);
    return table;
  }

 private:
  static size_t pool_size(const ScoreContext& context) {
    return context.units.front().candidates.size();
  }

  /// The least loss; one that is not a number is none.
  static size_t winner(const std::vector<double>& losses) {
    size_t best = 0;
    for (size_t c = 1; c < losses.size(); ++c) {
      if (losses[c] < losses[best] || std::isnan(losses[best])) best = c;
    }
    return best;
  }

  /// `streams`: of the blocks chosen so far, then of the full-precision model.
  void measure_block(const ScoreContext& context,
                     const std::vector<std::vector<PlannedUnit>>& plans, const DecoderBlock& block,
                     Streams& streams, ScoreTable& table) const {
    const BlockStreams input = apart(streams, context.groups.size());
    const Streams output = forward_groups(block, context.groups, input.full, *context.memory);
    const auto probed = probed_groups(context);
    const UpdateDistance distance(pick(context.groups, probed), context.text_share,
                                  pick(input.full, probed), pick(output, probed));
    std::vector<Trial> trials;
    for (const auto& plan : plans)
      trials.push_back(try_algorithm(context, plan, block, input, distance));
    std::vector<double> losses;
    for (const auto& trial : trials) losses.push_back(trial.loss);
    const size_t best = winner(losses);
    require(
        std::isfinite(losses[best]), ErrorCode::Numeric,
        "calm: block {}: no algorithm of the pool gives a finite output; try --dtype float32, or "
        "check the checkpoint's weights",
        block.index);
    // A block is decided as a whole: shared by its units, the allocator's least loss is the same
    // algorithm for all of them.
    for (size_t c = 0; c < losses.size(); ++c)
      share_block_loss(context, block.index, c, losses[c], 0, table);
    const bool quantized = options_.prefix == "quantized";
    streams = together({quantized ? std::move(trials[best].output) : output, output});
  }

  /// The whole model by each algorithm of the pool.
  static std::vector<std::vector<PlannedUnit>> plans_of(const ScoreContext& context, size_t pool) {
    std::vector<std::vector<PlannedUnit>> plans(pool);
    for (const auto& [unit, candidates] : context.units) {
      require(candidates.size() == pool, ErrorCode::Usage,
              "calm: {} has {} candidates, others {}; give one pool for all units", unit.name,
              candidates.size(), pool);
      for (size_t c = 0; c < pool; ++c) {
        plans[c].push_back({unit, make_method(candidates[c])});
      }
    }
    return plans;
  }

  static BlockTask task_of(const ScoreContext& context, const std::vector<PlannedUnit>& plan) {
    return {.config = context.model->config(),
            .planned = plan,
            .groups = context.groups,
            .text_share = context.text_share,
            .stored_dtype = context.stored_dtype,
            .fisher = context.fisher,
            .kept_bytes = context.kept_bytes};
  }

  /// Its loss is 1 - CKA; within a tie of 1e-6 the relative squared error decides.
  static Trial try_algorithm(const ScoreContext& context, const std::vector<PlannedUnit>& plan,
                             const DecoderBlock& block, const BlockStreams& input,
                             const UpdateDistance& distance) {
    BlockStreams streams{input.quantized, {}};
    if (needs_of(plan).full()) streams.full = input.full;
    DecoderBlock quantized = block;
    const auto done = quantize_block(task_of(context, plan), quantized, streams, *context.memory);
    if (context.quantizations != nullptr)
      *context.quantizations += static_cast<int64_t>(done.size());
    const auto probed = probed_groups(context);
    const Streams from = pick(input.quantized, probed);
    const Streams to = pick(streams.quantized, probed);
    constexpr double kTie = 1e-6;
    const double error = distance.squared_error(from, to);
    return {distance.cka(from, to) + kTie * error / (1 + error), std::move(streams.quantized)};
  }

  static size_t first_unit_of(const ScoreContext& context, int64_t block) {
    for (size_t u = 0; u < context.units.size(); ++u) {
      if (context.units[u].unit.block == block) return u;
    }
    fail(ErrorCode::Internal, "calm: block {} has no units", block);
  }

  Options options_;
};

MPQ_REGISTER(Scorer, Calm, "calm",
             "1 - debiased CKA of every algorithm of a pool, block by block, greedily");

}  // namespace
}  // namespace mpq
