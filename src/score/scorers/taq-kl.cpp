// TAQ-KL: output divergence under a uniform noise proxy of each block's quantization (arXiv
// 2511.06516; methods.md, 1.2).
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "mpq/core/log.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/output_probe.h"

namespace mpq {
namespace {

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
      return {2 * layers + options_.draws * layers * (layers - 1) / 2, 0};
    ScoreCost cost{2 * layers, count_candidates(context)};
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
  OutputProbeOptions last_tokens() const {
    return {.last_token = true, .temperature = options_.temperature};
  }

  /// Ours (methods.md, 1.2): every candidate's noise is drawn from its own error of the block's
  /// output.
  ScoreTable score_candidates(const ScoreContext& context) const {
    const OutputProbe probe(context, last_tokens());
    ScoreTable table = empty_table(context, "nats/token");
    std::vector<CandidateOutput> outputs;
    WalkHooks hooks;
    hooks.candidate = [&](CandidateOutput output) { outputs.push_back(std::move(output)); };
    hooks.leave = [&](int64_t index, const GroupHidden&, const GroupHidden& base) {
      auto generator = at::make_generator<at::CPUGeneratorImpl>(block_seed(context, index));
      for (const auto& changed : outputs) {
        std::vector<GroupHidden> noised(static_cast<size_t>(options_.draws));
        for (auto& draw : noised) {
          for (size_t g = 0; g < base.size(); ++g) {
            const auto errors = changed.hidden[g].to(at::kFloat) - base[g].to(at::kFloat);
            draw.push_back(
                (base[g].to(at::kFloat) + shaped_noise(errors, generator)).to(base[g].dtype()));
          }
        }
        const MeanWithError loss = mean_of_draws(probe, index, std::move(noised));
        table.loss[changed.unit][changed.candidate] = loss.mean;
        table.loss_stderr[changed.unit][changed.candidate] = loss.stderr_;
      }
      outputs.clear();
    };
    walk_candidates(context, "", hooks, "score taq-kl", table);
    rank_by_loss(context, table);
    return table;
  }

  ScoreTable rank_blocks(const ScoreContext& given) const {
    const Model& model = *given.model;
    std::vector<TokenSequence> prompts;
    for (const auto& prompt : given.prompts->task) {
      if (static_cast<int>(prompts.size()) < options_.prompts) prompts.push_back(prompt.tokens);
    }
    ScoreContext context = given;
    context.groups = {{BatchPlan(prompts, kBatchTokens), false, true}};
    const BatchPlan& plan = context.groups.front().plan;
    const OutputProbe probe(context, last_tokens());
    at::Tensor base = embed_all(model, plan, *context.memory);
    const double steps = static_cast<double>((1 << options_.bits) - 1);
    std::vector<double> scores;
    Json blocks = Json::array();
    Progress progress("score taq-kl", model.config().layers);
    for (int64_t index = 0; index < model.config().layers; ++index) {
      forward_all(model.config(), model.load_block(index), plan, base, base);
      count_forwards(context, 1);
      const double delta =
          (*context.statistics)[static_cast<size_t>(index)].last_token_range / steps;
      auto generator = at::make_generator<at::CPUGeneratorImpl>(block_seed(context, index));
      std::vector<GroupHidden> noised(static_cast<size_t>(options_.draws));
      for (auto& draw : noised) {
        const auto noise = at::rand(base.sizes(), generator, at::kFloat).sub_(0.5).mul_(delta);
        draw.push_back((base.to(at::kFloat) + noise.to(base.device())).to(base.dtype()));
      }
      const MeanWithError kl = mean_of_draws(probe, index, std::move(noised));
      require(std::isfinite(kl.mean), ErrorCode::Numeric,
              "taq-kl: the KL of block {} is {}; try --dtype float32, or check the checkpoint's "
              "weights",
              index, kl.mean);
      scores.push_back(kl.mean);
      blocks.push_back({{"kl", kl.mean}, {"kl_stderr", kl.stderr_}});
      progress.step();
    }
    ScoreTable table = empty_table(context, "");
    table.details["blocks"] = blocks;
    rank_by_block(context, scores, table);
    table.loss.clear();
    table.loss_stderr.clear();
    return table;
  }

  /// A block's noise does not depend on the blocks measured before it.
  static uint64_t block_seed(const ScoreContext& context, int64_t block) {
    return context.seed * 1000003 + static_cast<uint64_t>(block);
  }

  /// Draws share the sequences: they are averaged before the standard error over sequences.
  static MeanWithError mean_of_draws(const OutputProbe& probe, int64_t block,
                                     std::vector<GroupHidden> draws) {
    const auto divergences = probe.divergences(block, std::move(draws));
    OutputProbe::GroupKl mean = divergences.front();
    for (size_t g = 0; g < mean.size(); ++g) {
      if (!mean[g].defined()) continue;
      for (size_t draw = 1; draw < divergences.size(); ++draw)
        mean[g] = mean[g] + divergences[draw][g];
      mean[g] = mean[g] / static_cast<double>(divergences.size());
    }
    return probe.loss(mean);
  }

  Options options_;
};

MPQ_REGISTER(
    Scorer, TaqKl, "taq-kl",
    "output KL under a noise proxy: of each block (a rank), or of each candidate (noise=weight)");

}  // namespace
}  // namespace mpq
