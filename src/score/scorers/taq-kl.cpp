// TAQ-KL: output divergence under a uniform noise proxy of each block's quantization (arXiv
// 2511.06516; methods.md, 1.2).
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "mpq/core/log.h"
#include "mpq/model/divergence.h"
#include "mpq/score/branches.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// One noised copy of the hidden states, born at `block`.
struct NoisedBlock {
  int64_t block = 0;
  at::Tensor hidden;
};

/// Noise with the covariance E^T E / n of the errors E [n, d]: each row gets another row's error
/// with a random sign.
at::Tensor shaped_noise(const at::Tensor& errors, at::Generator& generator) {
  const int64_t rows = errors.size(0);
  const auto order = at::randperm(rows, generator, at::kLong);
  const auto sign = at::randint(0, 2, {rows, 1}, generator, at::kFloat).mul_(2).sub_(1);
  return errors.index_select(0, order.to(errors.device())) * sign.to(errors.device());
}

class TaqKl final : public Scorer {
 public:
  struct Options {
    std::string noise = "uniform";
    int bits = 4;
    double temperature = 1;
    int draws = 1;
    int prompts = 64;
    template <class Field>
    void visit(Field&& field) {
      field("noise", noise,
            "uniform: by the output's range, as in the paper (ranks blocks); weight: with the "
            "covariance of every candidate's own quantization error (a loss for each)");
      field("bits", bits, "width whose rounding step is the noise's range");
      field("temperature", temperature, "of both softmaxes");
      field("draws", draws, "noise draws to average");
      field("prompts", prompts, "at most so many prompts");
    }
  };

  explicit TaqKl(const Options& options) : options_(options) {
    require(options.bits >= 1 && options.bits <= 16 && options.temperature > 0 &&
                options.draws >= 1 && options.prompts >= 1,
            ErrorCode::Usage, "taq-kl: an option is out of range");
    require(options.noise == "uniform" || options.noise == "weight", ErrorCode::Usage,
            "taq-kl: option noise: expected uniform or weight, found \"{}\"", options.noise);
  }

  bool measures_loss() const override { return options_.noise == "weight"; }

  ScoreCost cost(const ScoreContext& context) const override {
    const int64_t layers = context.model->config().layers;
    if (options_.noise == "uniform")
      return {layers + options_.draws * layers * (layers - 1) / 2, 0};
    ScoreCost cost{layers, count_candidates(context)};
    for (const auto& unit : context.units) {
      for (const auto& spec : unit.candidates) {
        const int64_t later = options_.draws * (layers - 1 - unit.unit.block);
        cost.block_forwards += spec == kFullPrecision ? 0 : 1 + later;
      }
    }
    return cost;
  }

  ScoreTable score(const ScoreContext& context) const override {
    return options_.noise == "weight" ? score_candidates(context) : rank_blocks(context);
  }

 private:
  /// Ours (methods.md, 1.2): every candidate's noise is drawn from its own error of the block's
  /// output.
  ScoreTable score_candidates(const ScoreContext& context) const {
    const auto probed = probed_groups(context);
    auto generator = at::make_generator<at::CPUGeneratorImpl>(context.seed);
    std::vector<Branch> branches;
    std::vector<CandidateOutput> outputs;
    GroupHidden base;
    WalkHooks hooks;
    hooks.enter = [&](int64_t, const DecoderBlock& block) {
      advance_branches(context, block, branches);
    };
    hooks.candidate = [&](CandidateOutput output) { outputs.push_back(std::move(output)); };
    hooks.leave = [&](int64_t, const GroupHidden&, const GroupHidden& output) {
      base = output;
      for (const auto& changed : outputs) {
        for (int draw = 0; draw < options_.draws; ++draw) {
          Branch branch{changed.unit, changed.candidate, {}};
          for (size_t g = 0; g < base.size(); ++g) {
            const auto errors = changed.hidden[g].to(at::kFloat) - base[g].to(at::kFloat);
            branch.hidden.push_back(
                (base[g].to(at::kFloat) + shaped_noise(errors, generator)).to(base[g].dtype()));
          }
          branches.push_back(std::move(branch));
        }
      }
      outputs.clear();
    };
    walk_candidates(context, "", hooks, "score taq-kl");
    ScoreTable table = empty_table(context, "nats/token");
    for (size_t g = 0; g < probed.size(); ++g) {
      const SequenceGroup& group = context.groups[probed[g]];
      if (group.text) continue;
      add_last_divergence(context, group.plan, base[g], g, branches, table);
    }
    rank_by_loss(context, table);
    return table;
  }

  void add_last_divergence(const ScoreContext& context, const BatchPlan& plan,
                           const at::Tensor& base, size_t probed,
                           const std::vector<Branch>& branches, ScoreTable& table) const {
    const auto reference = last_logits(*context.model, plan, base);
    const auto sequences = at::arange(plan.sequences(), at::kLong);
    for (const auto& branch : branches) {
      const auto kl =
          kl_rows(reference, last_logits(*context.model, plan, branch.hidden[probed])).cpu();
      const auto mean = mean_over_tokens(kl, sequences, plan.sequences());
      table.loss[branch.unit][branch.candidate] += mean.mean / options_.draws;
      double& error = table.loss_stderr[branch.unit][branch.candidate];
      error = std::hypot(error, mean.stderr_ / options_.draws);
    }
  }

  ScoreTable rank_blocks(const ScoreContext& context) const {
    const Model& model = *context.model;
    std::vector<TokenSequence> prompts;
    for (const auto& prompt : context.prompts->task) {
      if (static_cast<int>(prompts.size()) < options_.prompts) prompts.push_back(prompt.tokens);
    }
    const BatchPlan plan(prompts, kBatchTokens);
    at::Tensor base = embed_all(model, plan, *context.memory);
    std::vector<NoisedBlock> branches;
    auto generator = at::make_generator<at::CPUGeneratorImpl>(context.seed);
    const double steps = static_cast<double>((1 << options_.bits) - 1);
    Progress progress("score taq-kl", model.config().layers);
    for (int64_t index = 0; index < model.config().layers; ++index) {
      const DecoderBlock block = model.load_block(index);
      forward_all(model.config(), block, plan, base, base);
      for (auto& branch : branches)
        forward_all(model.config(), block, plan, branch.hidden, branch.hidden);
      const double delta =
          (*context.statistics)[static_cast<size_t>(index)].last_token_range / steps;
      for (int draw = 0; draw < options_.draws; ++draw) {
        at::Tensor noised = context.memory->allocate(plan.rows(), base.size(1), base.scalar_type());
        const auto noise = at::rand(base.sizes(), generator, at::kFloat).sub_(0.5).mul_(delta);
        noised.copy_(base.to(at::kFloat) + noise.to(base.device()));
        branches.push_back({index, noised});
      }
      progress.step();
    }
    return tabulate(context, plan, base, branches);
  }

  at::Tensor last_logits(const Model& model, const BatchPlan& plan,
                         const at::Tensor& hidden) const {
    const auto rows = hidden.index_select(0, plan.last_rows()).to(model.device());
    return model.logits(rows) / options_.temperature;
  }

  ScoreTable tabulate(const ScoreContext& context, const BatchPlan& plan, const at::Tensor& base,
                      const std::vector<NoisedBlock>& branches) const {
    const Model& model = *context.model;
    const auto layers = static_cast<size_t>(model.config().layers);
    std::vector<std::vector<at::Tensor>> draws(layers);
    const auto reference = last_logits(model, plan, base);
    for (const auto& branch : branches) {
      draws[static_cast<size_t>(branch.block)].push_back(
          kl_rows(reference, last_logits(model, plan, branch.hidden)));
    }
    ScoreTable table = empty_table(context, "");
    std::vector<double> scores;
    Json blocks = Json::array();
    for (size_t block = 0; block < layers; ++block) {
      const auto by_prompt = at::stack(draws[block]).mean(0).cpu();  // draws share the prompts
      const auto mean =
          mean_over_tokens(by_prompt, at::arange(plan.sequences(), at::kLong), plan.sequences());
      scores.push_back(mean.mean);
      blocks.push_back({{"kl", mean.mean}, {"kl_stderr", mean.stderr_}});
    }
    table.details["blocks"] = blocks;
    rank_by_block(context, scores, table);
    table.loss.clear();
    table.loss_stderr.clear();
    return table;
  }

  Options options_;
};

MPQ_REGISTER(
    Scorer, TaqKl, "taq-kl",
    "output KL under a noise proxy: of each block (a rank), or of each candidate (noise=weight)");

}  // namespace
}  // namespace mpq
