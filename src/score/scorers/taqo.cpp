// TAQO: measured sensitivity, what the output loses with one unit quantized (arXiv 2511.06516;
// methods.md, 1.3), for every candidate.
#include <ATen/ATen.h>

#include <map>

#include "mpq/core/log.h"
#include "mpq/eval/answers.h"
#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/output_probe.h"

namespace mpq {
namespace {

/// S = (EM + F1) / 2 of greedily generated answers (paper), of the model or with some of its blocks
/// replaced.
class AnswerMetric {
 public:
  AnswerMetric(const ScoreContext& context, int examples) : context_(context) {
    for (const auto& prompt : context.prompts->task) {
      if (prompt.task.answers.empty() || static_cast<int>(gold_.size()) >= examples) continue;
      questions_.push_back(prompt.tokens);
      gold_.push_back(prompt.task.answers);
    }
    require(!gold_.empty(), ErrorCode::Usage,
            "taqo: option metric=answers: no prompt of the task has \"answers\"; add them to the "
            "task file, or leave the option out to measure the output's KL");
  }

  int64_t examples() const { return static_cast<int64_t>(gold_.size()); }

  /// S by example, float64; `replaced` stands in for the block of its index.
  at::Tensor measure(const DecoderBlock* replaced) const {
    const Model& model = *context_.model;
    AnswerOptions options;
    options.stop_tokens = context_.stop_tokens;
    options.load_block = [&](int64_t index) {
      return replaced != nullptr && replaced->index == index ? *replaced : model.load_block(index);
    };
    const AnswerScores scores =
        score_answers(model, *context_.tokenizer, questions_, gold_, options);
    const auto tensor = [](const std::vector<double>& values) {
      return at::tensor(at::ArrayRef<double>(values), at::kDouble);
    };
    return (tensor(scores.exact_match) + tensor(scores.f1)) / 2;
  }

 private:
  const ScoreContext& context_;
  std::vector<TokenSequence> questions_;
  std::vector<std::vector<std::string>> gold_;
};

class Taqo final : public Scorer {
 public:
  struct Options {
    std::string metric = "kl";
    std::string quantizer;
    double text_weight = 0.02;
    int examples = 32;
    template <class Field>
    void visit(Field&& field) {
      field("metric", metric,
            "kl: of the output over all prompt tokens; answers: lost (EM + F1) / 2 of generated "
            "answers, by whole blocks, as in the paper");
      field("quantizer", quantizer,
            "probe with this one instead of the candidates' own (\"rtn\" in the paper)");
      field("text_weight", text_weight, "weight of the general text's KL beside the task's");
      field("examples", examples, "labelled prompts that metric=answers generates for");
    }
  };

  explicit Taqo(const Options& options) : options_(options) {
    require(options.metric == "kl" || options.metric == "answers", ErrorCode::Usage,
            "taqo: option metric: expected kl or answers, found \"{}\"", options.metric);
    require(options.text_weight >= 0 && options.examples > 0, ErrorCode::Usage,
            "taqo: expected text_weight of 0 or more and examples above 0");
  }

  bool measures_loss() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    const int64_t layers = context.model->config().layers;
    ScoreCost cost{layers, count_candidates(context)};
    if (options_.metric == "answers") return cost;  // generation is counted in answers
    cost.block_forwards += layers;                  // the probe's own pass
    for (const auto& unit : context.units) {
      for (const auto& spec : unit.candidates)
        cost.block_forwards += spec == kFullPrecision ? 0 : layers - unit.unit.block;
    }
    return cost;
  }

  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table = options_.metric == "kl" ? score_kl(context) : score_answers_lost(context);
    rank_by_loss(context, table);
    return table;
  }

 private:
  ScoreTable score_kl(const ScoreContext& context) const {
    const OutputProbe probe(context, {.text_weight = options_.text_weight});
    ScoreTable table = empty_table(context, "nats/token");
    ProbedCandidates candidates;
    WalkHooks hooks;
    hooks.candidate = [&](CandidateOutput output) { candidates.add(std::move(output)); };
    hooks.leave = [&](int64_t index, const GroupHidden&, const GroupHidden&) {
      candidates.measure(probe, index, table);
    };
    walk_candidates(context, options_.quantizer, hooks, "score taqo", table);
    return table;
  }

  /// Delta_l = max(0, S_base - S_l), with every unit of block l quantized from the full-precision
  /// inputs; its units share the loss by their number of weights.
  ScoreTable score_answers_lost(const ScoreContext& context) const {
    const AnswerMetric metric(context, options_.examples);
    const auto full = metric.measure(nullptr);
    std::map<size_t, DecoderBlock> blocks;  // the resident one, by candidate
    DecoderBlock resident;
    ScoreTable table = empty_table(context, "lost (EM + F1) / 2");
    WalkHooks hooks;
    hooks.enter = [&](const DecoderBlock& block, const GroupHidden&) { resident = block; };
    hooks.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      DecoderBlock& whole = blocks.emplace(candidate, resident).first->second;
      whole = with_difference(context, whole, unit, difference);
    };
    hooks.leave = [&](int64_t index, const GroupHidden&, const GroupHidden&) {
      for (const auto& [candidate, block] : blocks) {
        const MeanWithError lost = mean_of(at::sub(full, metric.measure(&block)));
        share_block_loss(context, index, candidate, std::max(0.0, lost.mean), lost.stderr_, table);
      }
      blocks.clear();
    };
    walk_candidates(context, options_.quantizer, hooks, "score taqo answers", table);
    table.details = {{"examples", metric.examples()}, {"baseline", mean_of(full).mean}};
    return table;
  }

  /// Over examples, each an independent draw.
  static MeanWithError mean_of(const at::Tensor& by_example) {
    const int64_t count = by_example.size(0);
    return mean_over_tokens(by_example, at::arange(count, at::kLong), count);
  }

  Options options_;
};

MPQ_REGISTER(Scorer, Taqo, "taqo",
             "measured output KL of every unit and width, by all later blocks together");

}  // namespace
}  // namespace mpq
