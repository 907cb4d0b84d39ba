// TAQ-KL: output divergence under a uniform noise proxy of each block's quantization (arXiv
// 2511.06516; methods.md, 1.2).
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "mpq/core/log.h"
#include "mpq/model/divergence.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// One noised copy of the hidden states, born at `block`.
struct Branch {
  int64_t block = 0;
  at::Tensor hidden;
};

class TaqKl final : public Scorer {
 public:
  struct Options {
    int bits = 4;
    double temperature = 1;
    int draws = 1;
    int prompts = 64;
    template <class Field>
    void visit(Field&& field) {
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
  }

  bool measures_loss() const override { return false; }

  ScoreCost cost(const ScoreContext& context) const override {
    const int64_t layers = context.model->config().layers;
    return {layers + options_.draws * layers * (layers - 1) / 2, 0};
  }

  ScoreTable score(const ScoreContext& context) const override {
    const Model& model = *context.model;
    std::vector<TokenSequence> prompts;
    for (const auto& prompt : context.prompts->task) {
      if (static_cast<int>(prompts.size()) < options_.prompts) prompts.push_back(prompt.tokens);
    }
    constexpr int64_t kBatchTokens = 4096;
    const BatchPlan plan(prompts, kBatchTokens);
    at::Tensor base = embed_all(model, plan, *context.memory);
    std::vector<Branch> branches;
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

 private:
  at::Tensor last_logits(const Model& model, const BatchPlan& plan,
                         const at::Tensor& hidden) const {
    const auto rows = hidden.index_select(0, plan.last_rows()).to(model.device());
    return model.logits(rows) / options_.temperature;
  }

  ScoreTable tabulate(const ScoreContext& context, const BatchPlan& plan, const at::Tensor& base,
                      const std::vector<Branch>& branches) const {
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

MPQ_REGISTER(Scorer, TaqKl, "taq-kl",
             "output KL under a noise proxy of each block (rank by block)");

}  // namespace
}  // namespace mpq
