// TAQO: measured sensitivity, what the output loses with one unit quantized (arXiv 2511.06516;
// methods.md, 1.3), for every candidate.
#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "mpq/core/log.h"
#include "mpq/eval/answers.h"
#include "mpq/score/branches.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

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

  /// S by example; `replaced` stands in for the block of its index.
  std::vector<double> measure(const DecoderBlock* replaced) const {
    const Model& model = *context_.model;
    AnswerOptions options;
    options.stop_tokens = context_.stop_tokens;
    options.load_block = [&](int64_t index) {
      return replaced != nullptr && replaced->index == index ? *replaced : model.load_block(index);
    };
    const AnswerScores scores =
        score_answers(model, *context_.tokenizer, questions_, gold_, options);
    std::vector<double> metric;
    for (size_t i = 0; i < gold_.size(); ++i)
      metric.push_back((scores.exact_match[i] + scores.f1[i]) / 2);
    return metric;
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
    const auto probed = probed_groups(context);
    std::vector<Branch> branches;
    GroupHidden base;
    WalkHooks hooks;
    hooks.enter = [&](int64_t, const DecoderBlock& block) {
      advance_branches(context, block, branches);
    };
    hooks.candidate = [&](CandidateOutput output) {
      branches.push_back({output.unit, output.candidate, std::move(output.hidden)});
    };
    hooks.leave = [&](int64_t, const GroupHidden&, const GroupHidden& output) { base = output; };
    walk_candidates(context, options_.quantizer, hooks, "score taqo");
    ScoreTable table = empty_table(context, "nats/token");
    for (size_t g = 0; g < probed.size(); ++g) {
      const SequenceGroup& group = context.groups[probed[g]];
      add_divergence(context, group, g, group.text ? options_.text_weight : 1, base[g], branches,
                     table);
    }
    return table;
  }

  /// Delta_l = max(0, S_base - S_l), with every unit of block l quantized from the full-precision
  /// inputs; its units share the loss by their number of weights.
  ScoreTable score_answers_lost(const ScoreContext& context) const {
    const AnswerMetric metric(context, options_.examples);
    const auto full = metric.measure(nullptr);
    std::map<std::pair<int64_t, size_t>, DecoderBlock> blocks;  // of one block, by candidate
    ScoreTable table = empty_table(context, "lost (EM + F1) / 2");
    WalkHooks hooks;
    hooks.candidate = [&](CandidateOutput output) {
      const Unit& unit = context.units[output.unit].unit;
      const auto placed =
          blocks.emplace(std::make_pair(unit.block, output.candidate), *output.block);
      DecoderBlock& whole = placed.first->second;
      for (const size_t linear : unit.linears)
        whole.weights[linear] = output.block->weights[linear];
    };
    hooks.leave = [&](int64_t index, const GroupHidden&, const GroupHidden&) {
      for (const auto& [key, block] : blocks)
        share_loss(context, index, key.second, full, metric.measure(&block), table);
      blocks.clear();
    };
    walk_candidates(context, options_.quantizer, hooks, "score taqo answers");
    table.details = {{"examples", metric.examples()}, {"baseline", mean_and_error(full).first}};
    return table;
  }

  static std::pair<double, double> mean_and_error(const std::vector<double>& values) {
    const double count = static_cast<double>(values.size());
    double mean = 0;
    for (const double value : values) mean += value / count;
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return {mean, count > 1 ? std::sqrt(squares / (count - 1) / count) : 0};
  }

  static void share_loss(const ScoreContext& context, int64_t block, size_t candidate,
                         const std::vector<double>& full, const std::vector<double>& quantized,
                         ScoreTable& table) {
    std::vector<double> lost;
    for (size_t i = 0; i < full.size(); ++i) lost.push_back(full[i] - quantized[i]);
    const auto [mean, error] = mean_and_error(lost);
    double weights = 0;
    for (const auto& unit : context.units)
      weights += unit.unit.block == block ? static_cast<double>(unit.unit.weights()) : 0;
    for (size_t u = 0; u < context.units.size(); ++u) {
      const Unit& unit = context.units[u].unit;
      if (unit.block != block || context.units[u].candidates[candidate] == kFullPrecision) continue;
      const double share = static_cast<double>(unit.weights()) / weights;
      table.loss[u][candidate] = std::max(0.0, mean) * share;
      table.loss_stderr[u][candidate] = error * share;
    }
  }

  Options options_;
};

MPQ_REGISTER(Scorer, Taqo, "taqo",
             "measured output KL of every unit and width, all in one pass over the weights");

}  // namespace
}  // namespace mpq
