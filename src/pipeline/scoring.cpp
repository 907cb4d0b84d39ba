// The scorer, its context and what it costs.
#include "mpq/pipeline/scoring.h"

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/score/end_losses.h"

namespace mpq {
namespace {

/// Past so many blocks scoring is made cheaper by default.
constexpr int64_t kManyBlocks = 10;

}  // namespace

int64_t probe_tokens(const Model& model, const ScoreOptions& options) {
  if (options.probe_tokens > 0) return options.probe_tokens;
  return model.config().layers > kManyBlocks ? 4096 : 8192;
}

void check_options(const ScoreOptions& options) {
  require(options.text_share >= 0 && options.text_share <= 1, ErrorCode::Usage,
          "--text-share: expected 0 to 1, found {}", options.text_share);
  require(options.probe_tokens >= 0, ErrorCode::Usage,
          "--probe-tokens: expected 0 or more, found {}", options.probe_tokens);
}

ScoreContext score_context(Session& session, const ScoreOptions& options) {
  check_options(options);
  ScoreContext context;
  context.model = session.model.get();
  context.prompts = &session.prompts;
  context.statistics = &session.statistics;
  context.units = make_candidates(*session.model, options);
  context.groups = score_groups(*session.model, session.prompts, options, session.common.seed);
  context.text_share = options.text_share;
  context.seed = session.common.seed;
  context.stored_dtype = session.model->stored_dtype();
  context.memory = &session.memory;
  context.tokenizer = session.tokenizer.get();
  context.stop_tokens = stop_tokens(session.model->folder());
  return context;
}

Spec chosen_scorer(const Model& model, const ScoreOptions& options) {
  const bool deep = model.config().layers > kManyBlocks;
  return Registry<Scorer>::instance().canonical(
      parse_spec(options.scorer == "auto" ? (deep ? "grad" : "taqo") : options.scorer));
}

ScoreCost scoring_cost(const Spec& spec, const ScoreContext& all) {
  const ScoreContext context = without_ends(all);
  const auto& registry = Registry<Scorer>::instance();
  const auto scorer = registry.make(spec);
  ScoreCost cost = scorer->cost(context);
  if (!scorer->measures_loss()) {
    const ScoreCost local = registry.make("mse")->cost(context);
    cost.products += local.products;
    cost.quantizations += local.quantizations;
  }
  return cost;
}

std::vector<SequenceGroup> score_groups(const Model& model, const PromptSet& prompts,
                                        const ScoreOptions& options, uint64_t seed) {
  const int64_t tokens = probe_tokens(model, options);
  return calibration_groups(
      prompts, {.probe_task_tokens = tokens, .probe_text_tokens = tokens / 4, .seed = seed});
}

double scorer_option(const Spec& scorer, const char* name) {
  const auto& registry = Registry<Scorer>::instance();
  if (!registry.contains(scorer.name)) return 0;  // "none"
  double value = 0;
  for (const auto& option : registry.at(scorer.name).options) {
    if (option.name == name) parse_value(option.default_value, name, value);
  }
  const std::string* set = scorer.find(name);
  if (set != nullptr) parse_value(*set, name, value);
  return value;
}

double text_weight_of(const std::string& scorer) {
  return scorer_option(parse_spec(scorer), "text_weight");
}

void add_fisher(Session& session, ScoreContext& context) {
  const bool needed =
      std::any_of(context.units.begin(), context.units.end(), [](const ScoredUnit& unit) {
        return std::any_of(unit.candidates.begin(), unit.candidates.end(), needs_fisher);
      });
  if (needed) context.fisher = &session.fisher();
}

}  // namespace mpq
