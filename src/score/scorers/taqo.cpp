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
      questions_.push_back(before_answer(prompt.tokens, prompt.answer_from));
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
  bool measures_each_alone() const override { return options_.metric == "kl"; }

  ScoreCost cost(const ScoreContext& context) const override {
    const bool kl = options_.metric == "kl";
    ScoreCost cost{walk_products(context, options_.quantizer, kl), count_candidates(context)};
    if (!kl) return cost;  // how long answers become is not known
    const auto way = [&](int64_t block) {
      return OutputProbe::products(context, options_.text_weight, block);
    };
    cost.products += way(-1);
    for (const auto& unit : context.units)
      cost.products += count_candidates(unit) * way(unit.unit.block);
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
    CandidateWalk walk{
        .title = "score taqo", .quantizer = options_.quantizer, .products = cost(context).products};
    walk.candidate = [&](CandidateOutput output) { candidates.add(std::move(output)); };
    walk.leave = [&](int64_t index, const Streams&, const Streams&) {
      candidates.measure(probe, index, table);
    };
    walk_candidates(context, walk, table);
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
    CandidateWalk walk{.title = "score taqo answers", .quantizer = options_.quantizer};
    walk.enter = [&](const DecoderBlock& block, const Streams&) { resident = block; };
    walk.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      DecoderBlock& whole = blocks.emplace(candidate, resident).first->second;
      whole = with_difference(context, whole, unit, difference);
    };
    walk.leave = [&](int64_t index, const Streams&, const Streams&) {
      for (const auto& [candidate, block] : blocks) {
        const MeanWithError lost = mean_of(at::sub(full, metric.measure(&block)));
        share_block_loss(context, index, candidate, std::max(0.0, lost.mean), lost.stderr_, table);
      }
      blocks.clear();
    };
    walk_candidates(context, walk, table);
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
