// CALM: for every block the PTQ algorithm whose update best keeps the full-precision one's shape
// (arXiv 2512.16282; methods.md, 2).
#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "mpq/calib/quantize_block.h"
#include "mpq/core/log.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/update_distance.h"

namespace mpq {
namespace {

GroupHidden copy_of(const GroupHidden& hidden) {
  GroupHidden copy;
  for (const auto& tensor : hidden) copy.push_back(tensor.clone());
  return copy;
}

/// One algorithm tried on one block.
struct Trial {
  double distance = 0;  // 1 - CKA
  double error = 0;     // relative squared error, which breaks ties
  GroupHidden output;

  bool better_than(const Trial& other) const {
    constexpr double kTie = 1e-6;
    if (std::isnan(distance) || std::isnan(other.distance)) return std::isnan(other.distance);
    if (std::abs(distance - other.distance) > kTie) return distance < other.distance;
    return error < other.error;
  }
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
    const int64_t layers = context.model->config().layers;
    int64_t forwards = layers;
    for (const auto& plan : plans_of(context, static_cast<size_t>(pool_size(context))))
      forwards += quantize_cost(plan).block_forwards;
    return {forwards, count_candidates(context)};
  }

  ScoreTable score(const ScoreContext& context) const override {
    const Model& model = *context.model;
    const size_t pool = static_cast<size_t>(pool_size(context));
    const auto plans = plans_of(context, pool);
    ScoreTable table = empty_table(context, "1 - CKA");
    GroupHidden full = embed_groups(model, context.groups, *context.memory);
    GroupHidden prefix = copy_of(full);
    const auto probed = probed_groups(context);
    Json chosen = Json::array();
    Progress progress("score calm", model.config().layers);
    for (int64_t index = 0; index < model.config().layers; ++index) {
      const DecoderBlock block = model.load_block(index);
      GroupHidden output = copy_of(full);
      for (size_t g = 0; g < context.groups.size(); ++g)
        forward_all(model.config(), block, context.groups[g].plan, full[g], output[g]);
      count_forwards(context, 1);
      const UpdateDistance distance(pick(context.groups, probed), context.text_share,
                                    pick(full, probed), pick(output, probed));
      std::vector<Trial> trials;
      for (size_t c = 0; c < pool; ++c)
        trials.push_back(try_algorithm(context, plans[c], block, {prefix, full}, distance));
      size_t winner = 0;
      for (size_t c = 1; c < pool; ++c) winner = trials[c].better_than(trials[winner]) ? c : winner;
      require(
          std::isfinite(trials[winner].distance), ErrorCode::Numeric,
          "calm: block {}: no algorithm of the pool gives a finite output; try --dtype float32, or "
          "check the checkpoint's weights",
          index);
      share_losses(context, index, trials, table);
      chosen.push_back(first_unit_of(context, index).candidates[winner]);
      full = output;
      prefix = options_.prefix == "quantized" ? std::move(trials[winner].output) : copy_of(full);
      progress.step();
    }
    table.details["chosen"] = chosen;
    rank_by_loss(context, table);
    return table;
  }

 private:
  static int64_t pool_size(const ScoreContext& context) {
    return static_cast<int64_t>(context.units.front().candidates.size());
  }

  /// The whole model by each algorithm of the pool.
  static std::vector<std::vector<PlannedUnit>> plans_of(const ScoreContext& context, size_t pool) {
    std::vector<std::vector<PlannedUnit>> plans(pool);
    for (const auto& [unit, candidates] : context.units) {
      require(candidates.size() == pool, ErrorCode::Usage,
              "calm: {} has {} candidates, others {}; give one pool for all units", unit.name,
              candidates.size(), pool);
      for (size_t c = 0; c < pool; ++c) {
        plans[c].push_back(
            {unit, candidates[c] == kFullPrecision
                       ? nullptr
                       : std::shared_ptr<const Quantizer>(make_quantizer(candidates[c]))});
      }
    }
    return plans;
  }

  static Trial try_algorithm(const ScoreContext& context, const std::vector<PlannedUnit>& plan,
                             const DecoderBlock& block, const BlockStreams& input,
                             const UpdateDistance& distance) {
    Trial trial;
    BlockStreams streams{copy_of(input.quantized), {}};
    if (needs_of(plan).full()) streams.full = copy_of(input.full);
    DecoderBlock quantized = block;
    QuantizeCost spent;
    const BlockTask task{.config = context.model->config(),
                         .planned = plan,
                         .groups = context.groups,
                         .text_share = context.text_share,
                         .stored_dtype = context.scale_dtype,
                         .fisher = context.fisher,
                         .spent = &spent};
    const auto done = quantize_block(task, quantized, streams, *context.memory);
    trial.output = std::move(streams.quantized);
    count_forwards(context, spent.block_forwards);
    if (context.spent != nullptr) context.spent->quantizations += static_cast<int64_t>(done.size());
    const auto probed = probed_groups(context);
    const GroupHidden from = pick(input.quantized, probed);
    const GroupHidden to = pick(trial.output, probed);
    trial.distance = distance.cka(from, to);
    trial.error = distance.squared_error(from, to);
    return trial;
  }

  static const ScoredUnit& first_unit_of(const ScoreContext& context, int64_t block) {
    for (const auto& unit : context.units) {
      if (unit.unit.block == block) return unit;
    }
    fail(ErrorCode::Internal, "calm: block {} has no units", block);
  }

  /// A block is decided as a whole: shared by its units, the allocator's least loss is the same
  /// algorithm for all of them. Within a tie the winner is made least.
  static void share_losses(const ScoreContext& context, int64_t block,
                           const std::vector<Trial>& trials, ScoreTable& table) {
    constexpr double kTie = 1e-6;
    for (size_t c = 0; c < trials.size(); ++c) {
      const double tie_breaker = kTie * trials[c].error / (1 + trials[c].error);
      share_block_loss(context, block, c, trials[c].distance + tie_breaker, 0, table);
    }
  }

  Options options_;
};

MPQ_REGISTER(Scorer, Calm, "calm",
             "1 - debiased CKA of every algorithm of a pool, block by block, greedily");

}  // namespace
}  // namespace mpq
