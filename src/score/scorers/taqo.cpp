// TAQO: measured sensitivity, the output's KL with one unit quantized (arXiv 2511.06516;
// methods.md, 1.3), for every candidate.
#include <ATen/ATen.h>

#include "mpq/core/log.h"
#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// The model with one candidate in place: hidden states on their way to the output.
struct Branch {
  size_t unit = 0;
  size_t candidate = 0;
  GroupHidden hidden;
};

class Taqo final : public Scorer {
 public:
  struct Options {
    std::string quantizer;
    double text_weight = 0.02;
    template <class Field>
    void visit(Field&& field) {
      field("quantizer", quantizer,
            "probe with this one instead of the candidates' own (\"rtn\" in the paper)");
      field("text_weight", text_weight, "weight of the general text's KL beside the task's");
    }
  };

  explicit Taqo(const Options& options) : options_(options) {
    require(options.text_weight >= 0, ErrorCode::Usage,
            "taqo: option text_weight: expected 0 or more, found {}", options.text_weight);
  }

  bool measures_loss() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    const int64_t layers = context.model->config().layers;
    ScoreCost cost{layers, count_candidates(context)};
    for (const auto& unit : context.units) {
      for (const auto& spec : unit.candidates)
        cost.block_forwards += spec == kFullPrecision ? 0 : layers - unit.unit.block;
    }
    return cost;
  }

  ScoreTable score(const ScoreContext& context) const override {
    const Model& model = *context.model;
    const auto probed = probed_groups(context);
    std::vector<Branch> branches;
    GroupHidden base;
    WalkHooks hooks;
    // All branches born below pass through the block while it is resident.
    hooks.enter = [&](int64_t, const DecoderBlock& block) {
      for (auto& branch : branches) {
        for (size_t g = 0; g < probed.size(); ++g) {
          forward_all(model.config(), block, context.groups[probed[g]].plan, branch.hidden[g],
                      branch.hidden[g]);
        }
      }
    };
    hooks.candidate = [&](CandidateOutput output) {
      branches.push_back({output.unit, output.candidate, std::move(output.hidden)});
    };
    hooks.leave = [&](int64_t, const GroupHidden&, const GroupHidden& output) { base = output; };
    walk_candidates(context, options_.quantizer, hooks, "score taqo");
    ScoreTable table = empty_table(context, "nats/token");
    for (size_t g = 0; g < probed.size(); ++g)
      add_divergence(context, context.groups[probed[g]], g, base[g], branches, table);
    rank_by_loss(context, table);
    return table;
  }

 private:
  /// Adds weight * KL of one group for all branches; reference logits are computed once per chunk
  /// of rows.
  void add_divergence(const ScoreContext& context, const SequenceGroup& group, size_t index,
                      const at::Tensor& base, const std::vector<Branch>& branches,
                      ScoreTable& table) const {
    const double weight = group.text ? options_.text_weight : 1;
    if (weight == 0) return;
    const Model& model = *context.model;
    const int64_t rows = group.plan.rows();
    std::vector<at::Tensor> kl(branches.size());
    for (auto& values : kl) values = at::empty({rows}, at::kFloat);
    const int64_t step = logit_rows(model);
    Progress progress("score taqo: outputs", (rows + step - 1) / step);
    for (int64_t begin = 0; begin < rows; begin += step) {
      const int64_t count = std::min(step, rows - begin);
      const auto logits = [&](const at::Tensor& hidden) {
        return model.logits(hidden.narrow(0, begin, count).to(model.device()));
      };
      const auto reference = logits(base);
      for (size_t b = 0; b < branches.size(); ++b)
        kl[b].narrow(0, begin, count).copy_(kl_rows(reference, logits(branches[b].hidden[index])));
      progress.step();
    }
    const auto sequence = group.plan.sequence_of_row();
    for (size_t b = 0; b < branches.size(); ++b) {
      const auto mean = mean_over_tokens(kl[b], sequence, group.plan.sequences());
      auto& loss = table.loss[branches[b].unit][branches[b].candidate];
      auto& error = table.loss_stderr[branches[b].unit][branches[b].candidate];
      loss += weight * mean.mean;
      error = std::hypot(error, weight * mean.stderr_);
    }
  }

  Options options_;
};

MPQ_REGISTER(Scorer, Taqo, "taqo",
             "measured output KL of every unit and width, all in one pass over the weights");

}  // namespace
}  // namespace mpq
