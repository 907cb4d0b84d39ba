// The quadratic program's coefficients: what each choice loses alone, and what two of one block
// lose together (arXiv 2511.17801; methods.md, 3).
#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "mpq/core/error.h"
#include "mpq/quant/quantizer.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/output_probe.h"

namespace mpq {
namespace {

/// Two candidates of different units of a block, in place together.
struct PairProbe {
  size_t first = 0, second = 0;  // units
  size_t candidate_a = 0, candidate_b = 0;
};

class HirScorer final : public Scorer {
 public:
  struct Options {
    bool pairs = true;
    int iterations = 0;
    int tokens = 1024;
    double text_weight = 0.02;
    template <class Field>
    void visit(Field&& field) {
      field("pairs", pairs, "also measure joint losses of units of one block");
      field("iterations", iterations, "training steps of candidates that learn, while probing");
      field("tokens", tokens, "probe tokens of the task, and a quarter as many of general text");
      field("text_weight", text_weight, "weight of the general text's KL beside the task's");
    }
  };

  explicit HirScorer(const Options& options) : options_(options) {
    require(options.tokens >= 1 && options.text_weight >= 0, ErrorCode::Usage,
            "hir: expected tokens above 0 and text_weight of 0 or more");
  }

  bool measures_loss() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    return cost_of(probed_context(context));
  }

  ScoreTable score(const ScoreContext& given) const override {
    const ScoreContext context = probed_context(given);
    const OutputProbe probe(context, {.text_weight = options_.text_weight});
    ScoreTable table = empty_table(context, "nats/token");
    measure(context, probe, table);
    table.details = {{"pairs", table.pairs.size()}, {"tokens", options_.tokens}};
    rank_by_loss(context, table);
    return table;
  }

 private:
  /// The candidate as it is probed: one that learns is trained for `iterations` only.
  std::string probed_spec(const std::string& text) const {
    Spec spec = parse_spec(text);
    const auto& registry = Registry<Quantizer>::instance();
    if (!registry.contains(spec.name)) return text;  // "full", or a chain
    for (const auto& option : registry.at(spec.name).options) {
      if (option.name == "iterations") spec.set("iterations", std::to_string(options_.iterations));
    }
    return to_string(spec);
  }

  ScoreContext probed_context(const ScoreContext& given) const {
    ScoreContext context = given;
    for (auto& unit : context.units) {
      for (auto& spec : unit.candidates) spec = probed_spec(spec);
    }
    context.groups = calibration_groups(*given.prompts, {.probe_task_tokens = options_.tokens,
                                                         .probe_text_tokens = options_.tokens / 4,
                                                         .seed = given.seed});
    return context;
  }

  ScoreCost cost_of(const ScoreContext& context) const {
    const auto way = [&](int64_t block) {
      return OutputProbe::products(context, options_.text_weight, block);
    };
    ScoreCost cost{walk_products(context, "", /*outputs=*/true) + way(-1),
                   count_candidates(context)};
    for (size_t u = 0; u < context.units.size(); ++u) {
      const int64_t index = context.units[u].unit.block;
      const int64_t count = count_candidates(context.units[u]);
      cost.products += count * way(index);
      const int64_t block =
          probed_rows(context) * block_products(context.model->config().block(index));
      for (size_t v = u + 1; options_.pairs && v < context.units.size(); ++v) {
        if (context.units[v].unit.block == index)
          cost.products += count * count_candidates(context.units[v]) * (block + way(index));
      }
    }
    return cost;
  }

  void measure(const ScoreContext& context, const OutputProbe& probe, ScoreTable& table) const {
    DecoderBlock full;
    Differences differences;
    ProbedCandidates singles;
    CandidateWalk walk{.title = "score hir", .products = cost_of(context).products};
    walk.enter = [&](const DecoderBlock& block, const Streams&) {
      full = block;
      differences.clear();
    };
    walk.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      differences[{unit, candidate}] = difference;
    };
    walk.candidate = [&](CandidateOutput output) { singles.add(std::move(output)); };
    walk.leave = [&](int64_t index, const Streams& input, const Streams&) {
      singles.measure(probe, index, table);
      if (options_.pairs) measure_pairs(context, probe, full, differences, input, table);
    };
    walk_candidates(context, walk, table);
  }

  /// W_q - W of a block's candidates, by unit and candidate.
  using Differences = std::map<std::pair<size_t, size_t>, at::Tensor>;

  static void measure_pairs(const ScoreContext& context, const OutputProbe& probe,
                            const DecoderBlock& full, const Differences& differences,
                            const Streams& input, ScoreTable& table) {
    std::vector<PairProbe> probes;
    std::vector<Streams> outputs;
    const auto probed = pick(context.groups, probed_groups(context));
    for (auto a = differences.begin(); a != differences.end(); ++a) {
      for (auto b = std::next(a); b != differences.end(); ++b) {
        if (a->first.first == b->first.first) continue;
        const auto first = with_difference(context, full, a->first.first, a->second);
        const auto both = with_difference(context, first, b->first.first, b->second);
        probes.push_back({a->first.first, b->first.first, a->first.second, b->first.second});
        outputs.push_back(forward_groups(both, probed, input, *context.memory));
      }
    }
    const auto joint = probe.losses(full.index, std::move(outputs));
    for (auto& pair : interactions(context, probes, joint, table))
      table.pairs.push_back(std::move(pair));
  }

  /// Where a single loss is not finite either, its candidate leaves the palette.
  static void check_joint(const ScoreContext& context, const PairProbe& probe, double joint,
                          const ScoreTable& single) {
    const bool known = std::isfinite(single.loss[probe.first][probe.candidate_a]) &&
                       std::isfinite(single.loss[probe.second][probe.candidate_b]);
    const auto& [unit, specs] = context.units[probe.first];
    const auto& [other, others] = context.units[probe.second];
    require(std::isfinite(joint) || !known, ErrorCode::Numeric,
            "hir: {} by {} and {} by {} are finite alone, and lose {} together; try --dtype "
            "float32, or leave one of the two out of the palette",
            unit.name, specs[probe.candidate_a], other.name, others[probe.candidate_b], joint);
  }

  /// L(1 + 2) - L(1) - L(2) + L(0), with L(0) = 0.
  static std::vector<PairLoss> interactions(const ScoreContext& context,
                                            const std::vector<PairProbe>& probes,
                                            const std::vector<MeanWithError>& joint,
                                            const ScoreTable& single) {
    std::map<std::pair<size_t, size_t>, PairLoss> pairs;
    for (size_t p = 0; p < probes.size(); ++p) {
      const auto& probe = probes[p];
      check_joint(context, probe, joint[p].mean, single);
      PairLoss& pair = pairs[{probe.first, probe.second}];
      if (pair.interaction.empty()) {
        pair.first = probe.first;
        pair.second = probe.second;
        pair.interaction.assign(
            context.units[probe.first].candidates.size(),
            std::vector<double>(context.units[probe.second].candidates.size(), 0));
      }
      pair.interaction[probe.candidate_a][probe.candidate_b] =
          joint[p].mean - single.loss[probe.first][probe.candidate_a] -
          single.loss[probe.second][probe.candidate_b];
    }
    std::vector<PairLoss> result;
    for (auto& [units, pair] : pairs) result.push_back(std::move(pair));
    return result;
  }

  Options options_;
};

MPQ_REGISTER(
    Scorer, HirScorer, "hir",
    "measured KL of every choice alone and of every pair in a block, for the qp allocator");

}  // namespace
}  // namespace mpq
