// The score stage: candidates, their bytes and losses, kept in work/sensitivity-NAME.json.
#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/progress.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/known_losses.h"
#include "mpq/pipeline/scoring.h"
#include "mpq/pipeline/sensitivity.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/targets.h"
#include "mpq/pipeline/timings.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/end_losses.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

constexpr const char* kKlUnit = "nats/token";

/// Everything that a candidate's loss depends on but the candidate.
std::string way_key(const Session& session, const ScoreOptions& options, const Spec& scorer) {
  return key_of({{"stage", "losses"},
                 {"calibration", session.calibration_key()},
                 {"scorer", to_string(scorer)},
                 {"text_share", options.text_share},
                 {"probe_tokens", probe_tokens(*session.model, options)},
                 {"dtype", at::toString(session.model->dtype())},
                 {"seed", session.common.seed}});
}

std::string score_key(const Session& session, const ScoreOptions& options,
                      const ScoreContext& context, const Spec& scorer) {
  Json candidates = Json::array();
  for (const auto& unit : context.units) candidates.push_back({unit.unit.name, unit.candidates});
  return key_of({{"stage", "score"},
                 {"way", way_key(session, options, scorer)},
                 {"candidates", candidates},
                 {"format", options.format}});
}

ScoreTable score_blocks(const Spec& spec, ScoreContext context) {
  const auto& registry = Registry<Scorer>::instance();
  const auto scorer = registry.make(spec);
  if (count_candidates(context) == 0) return empty_table(context, kKlUnit);
  ScoreTable table = scorer->score(context);
  if (scorer->measures_loss()) return table;
  log_info("{} ranks blocks; candidates' losses are their local errors weighted by the rank",
           spec.name);
  if (!context.finished_folder.empty()) context.finished_folder += "/local";
  weight_local_losses(registry.make("mse")->score(context), table);
  return table;
}

/// Behind the blocks' rows those of the ends, measured whatever the scorer; only a loss of the same
/// kind can be added to theirs.
void add_ends(const ScoreContext& context, const Spec& spec, ScoreTable& table) {
  require(
      table.loss_unit == kKlUnit, ErrorCode::Usage,
      "{}: its losses are no nats a token, so that the embedding and the head cannot be weighed "
      "against the blocks; take taqo or grad, or --budget, which leaves them alone",
      to_string(spec));
  for (size_t u = table.loss.size(); u < context.units.size(); ++u) {
    const size_t candidates = context.units[u].candidates.size();
    table.loss.emplace_back(candidates, 0.0);
    table.loss_stderr.emplace_back(candidates, 0.0);
    table.score.push_back(0);
  }
  measure_ends(context, text_weight_of(to_string(spec)), table);
}

ScoreTable run_scorer(const Spec& spec, ScoreContext context) {
  int64_t quantizations = 0;
  context.quantizations = &quantizations;
  const int64_t counted_before = products_counted();
  ScoreTable table = score_blocks(spec, without_ends(context));
  if (has_ends(context)) add_ends(context, spec, table);
  log_info("score: {:.3g} multiply-adds, {} quantizations",
           static_cast<double>(products_counted() - counted_before), quantizations);
  return table;
}

/// Measures what no scoring before has measured in this way; a killed one goes on from `folder`.
ScoreTable measured_table(Session& session, const ScoreOptions& options, const Spec& spec,
                          const ScoreContext& context, const std::string& folder) {
  const bool alone = Registry<Scorer>::instance().make(spec)->measures_each_alone();
  const KnownLosses known =
      alone ? known_losses(session, way_key(session, options, spec)) : KnownLosses{};
  ScoreContext rest = without_known(context, known);
  const int64_t left = count_candidates(rest);
  if (left < count_candidates(context))
    log_info("score: {} of {} candidates were measured before", count_candidates(context) - left,
             count_candidates(context));
  rest.finished_folder = folder + "/" + score_key(session, options, rest, spec);
  const ScoreTable table = left > 0 ? run_scorer(spec, rest) : empty_table(rest, "");
  return known.losses.empty() ? table : with_known(context, known, rest, table);
}

Sensitivity tied(const Session& session, const ScoreOptions& options, Sensitivity sensitivity) {
  sensitivity.problem.ties =
      tied_units(session.model->config(), target_named(options.target), sensitivity.units);
  return sensitivity;
}

}  // namespace

Sensitivity score_or_load(Session& session, const ScoreOptions& options, ScoreContext context) {
  const Spec spec = chosen_scorer(*session.model, options);
  const std::string key = score_key(session, options, context, spec);
  const std::string path = session.work.file(score_file(key));
  const std::string unfinished = session.work.file("score/" + key);
  if (std::filesystem::exists(path)) {
    std::filesystem::remove_all(unfinished);
    log_info("score: {} was scored before; skipped", to_string(spec));
    return tied(session, options, sensitivity_of(read_json_file(path), context, key, path));
  }
  if (options.scorer == "auto")
    log_info("score: by {}, chosen for {} blocks, about {:.0f} s; --scorer names another",
             to_string(spec), session.model->config().layers,
             estimated_seconds(*session.model, work_of(size_of_run(context, spec)).score));
  const StageTimer timer("score");
  add_fisher(session, context);
  ScoreTable table = measured_table(session, options, spec, context, unfinished);
  drop_unmeasured(context, table);
  Json file = sensitivity_json(session, options, to_string(spec), context, table);
  file["way"] = way_key(session, options, spec);
  // By its name too, for people: the last one of this scorer. First, since a run that is killed
  // behind the other file finds nothing left to do.
  write_json_file(session.work.file("sensitivity-" + spec.name + ".json"), file);
  std::filesystem::create_directories(session.work.file("scores"));
  write_json_file(path, file);
  std::filesystem::remove_all(unfinished);
  timer.record(session.work.path());
  return tied(session, options, sensitivity_of(file, context, key, path));
}

Sensitivity sensitivity_for_choice(Session& session, const ScoreOptions& options,
                                   const ScoreContext& context) {
  const bool choice =
      std::any_of(context.units.begin(), context.units.end(),
                  [](const ScoredUnit& unit) { return unit.candidates.size() > 1; });
  if (choice) return score_or_load(session, options, context);
  log_info("every unit has one candidate: nothing to score");
  return unmeasured(session, options, context);
}

Sensitivity unmeasured(const Session& session, const ScoreOptions& options,
                       const ScoreContext& context) {
  return tied(
      session, options,
      sensitivity_of(sensitivity_json(session, options, "none", context, empty_table(context, "")),
                     context, score_key(session, options, context, parse_spec("none")), ""));
}

Json describe_scoring(const Session& session, const ScoreOptions& options,
                      const ScoreContext& context) {
  const Model& model = *session.model;
  const Spec scorer = chosen_scorer(model, options);
  const RunSize size = size_of_run(context, scorer);
  int64_t candidates = 0;
  for (const auto& unit : context.units) candidates += static_cast<int64_t>(unit.candidates.size());
  const std::string path =
      session.work.file(score_file(score_key(session, options, context, scorer)));
  const bool known = std::filesystem::exists(path);
  return {{"stage", "score"},
          {"dry_run", true},
          {"scorer", to_string(scorer)},
          {"units", context.units.size()},
          {"candidates", candidates},
          {"products", size.score_products},
          {"quantizations", size.candidates},
          {"probe_tokens", size.probe_tokens},
          {"skipped", known},
          {"seconds", known ? 0 : estimated_seconds(model, work_of(size).score)},
          {"peak_bytes", peak_of(size).score}};
}

Json score(const CommonOptions& common, const ScoreOptions& asked) {
  const ScoreOptions options = with_target(asked);
  Session session(common);
  const ScoreContext context = score_context(session, options);
  if (common.dry_run) return describe_scoring(session, options, context);
  const Sensitivity result = score_or_load(session, options, context);
  Json units = Json::array();
  for (const auto& unit : result.problem.units) {
    Json losses = Json::object();
    for (const auto& candidate : unit.candidates) losses[candidate.spec] = candidate.loss;
    units.push_back({{"name", unit.name}, {"score", unit.score}, {"losses", losses}});
  }
  return {{"stage", "score"}, {"path", result.path}, {"units", units}};
}

}  // namespace mpq
