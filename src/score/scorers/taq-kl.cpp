// TAQ-KL: output divergence under a uniform noise proxy of each block's quantization (arXiv
// 2511.06516; methods.md, 1.2).
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/output_probe.h"
#include "mpq/score/visit_blocks.h"

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
    if (options_.noise == "uniform") return ranking_cost(first_prompts(context));
    ScoreCost cost{walk_products(context, "", /*outputs=*/true) + way(context, -1),
                   count_candidates(context)};
    for (const auto& unit : context.units)
      cost.products += options_.draws * count_candidates(unit) * way(context, unit.unit.block);
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
    CandidateWalk walk{.title = "score taq-kl", .products = cost(context).products};
    walk.candidate = [&](CandidateOutput output) { outputs.push_back(std::move(output)); };
    walk.leave = [&](int64_t index, const Streams&, const Streams& base) {
      auto generator = at::make_generator<at::CPUGeneratorImpl>(block_seed(context, index));
      for (const auto& changed : outputs) {
        std::vector<Streams> noised(static_cast<size_t>(options_.draws));
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
    walk_candidates(context, walk, table);
    rank_by_loss(context, table);
    return table;
  }

  /// Of general text nothing is read.
  static int64_t way(const ScoreContext& context, int64_t block) {
    return OutputProbe::products(context, /*text_weight=*/0, block);
  }

  ScoreContext first_prompts(const ScoreContext& given) const {
    std::vector<TokenSequence> prompts;
    for (const auto& prompt : given.prompts->task) {
      if (static_cast<int>(prompts.size()) < options_.prompts)
        prompts.push_back(before_answer(prompt.tokens, prompt.answer_from));
    }
    ScoreContext context = given;
    context.groups = {{BatchPlan(prompts, kBatchTokens), false, true}};
    return context;
  }

  ScoreCost ranking_cost(const ScoreContext& context) const {
    ScoreCost cost{2 * way(context, -1), 0};
    for (int64_t block = 0; block < context.model->config().layers; ++block)
      cost.products += options_.draws * way(context, block);
    return cost;
  }

  /// The paper's: until the table is whole, a block's KL stands as the loss of its units.
  ScoreTable rank_blocks(const ScoreContext& given) const {
    const ScoreContext context = first_prompts(given);
    const OutputProbe probe(context, last_tokens());
    ScoreTable table = empty_table(context, "nats/token");
    visit_blocks(context, {.title = "score taq-kl", .products = ranking_cost(context).products},
                 table, [&](const DecoderBlock& block, Streams& hidden) {
                   forward_groups(block, context.groups, hidden);
                   const MeanWithError kl = noised_kl(context, probe, block.index, hidden.front());
                   require(std::isfinite(kl.mean), ErrorCode::Numeric,
                           "taq-kl: the KL of block {} is {}; try --dtype float32, or check the "
                           "checkpoint's weights",
                           block.index, kl.mean);
                   for (size_t u = 0; u < context.units.size(); ++u) {
                     if (context.units[u].unit.block != block.index) continue;
                     std::fill(table.loss[u].begin(), table.loss[u].end(), kl.mean);
                     std::fill(table.loss_stderr[u].begin(), table.loss_stderr[u].end(),
                               kl.stderr_);
                   }
                 });
    return ranks_of(context, table);
  }

  MeanWithError noised_kl(const ScoreContext& context, const OutputProbe& probe, int64_t block,
                          const at::Tensor& base) const {
    const double steps = static_cast<double>((1 << options_.bits) - 1);
    const double delta = (*context.statistics)[static_cast<size_t>(block)].last_token_range / steps;
    auto generator = at::make_generator<at::CPUGeneratorImpl>(block_seed(context, block));
    std::vector<Streams> noised(static_cast<size_t>(options_.draws));
    for (auto& draw : noised) {
      const auto noise = at::rand(base.sizes(), generator, at::kFloat).sub_(0.5).mul_(delta);
      draw.push_back((base.to(at::kFloat) + noise).to(base.dtype()));
    }
    return mean_of_draws(probe, block, std::move(noised));
  }

  static ScoreTable ranks_of(const ScoreContext& context, const ScoreTable& measured) {
    std::vector<double> scores(static_cast<size_t>(context.model->config().layers));
    std::vector<double> errors(scores.size());
    for (size_t u = 0; u < context.units.size(); ++u) {
      const auto block = static_cast<size_t>(context.units[u].unit.block);
      scores[block] = measured.loss[u].front();
      errors[block] = measured.loss_stderr[u].front();
    }
    ScoreTable table = empty_table(context, "");
    for (size_t block = 0; block < scores.size(); ++block)
      table.details["blocks"].push_back({{"kl", scores[block]}, {"kl_stderr", errors[block]}});
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
                                     std::vector<Streams> draws) {
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
