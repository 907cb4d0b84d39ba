// The score stage: candidates, their bytes and losses, kept in work/sensitivity-NAME.json.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/sensitivity.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/timings.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

std::string score_key(const Session& session, const ScoreOptions& options,
                      const ScoreContext& context, const Spec& scorer) {
  Json candidates = Json::array();
  for (const auto& unit : context.units) candidates.push_back({unit.unit.name, unit.candidates});
  return key_of({{"stage", "score"},
                 {"calibration", session.calibration_key()},
                 {"scorer", to_string(scorer)},
                 {"candidates", candidates},
                 {"text_share", options.text_share},
                 {"probe_tokens", options.probe_tokens},
                 {"format", options.format},
                 {"dtype", at::toString(session.model->dtype())},
                 {"seed", session.common.seed}});
}

Json units_json(const Session& session, const ScoreContext& context, const ScoreTable& table,
                const Exporter& exporter) {
  const auto& config = session.model->config();
  Json units = Json::array();
  for (size_t u = 0; u < context.units.size(); ++u) {
    const auto& [unit, specs] = context.units[u];
    Json candidates = Json::array();
    for (size_t c = 0; c < specs.size(); ++c) {
      const Scheme scheme = scheme_of(specs[c]);
      const double error = table.loss_stderr[u][c];  // not known of one sequence
      candidates.push_back(
          {{"spec", specs[c]},
           {"bits", scheme.bits},
           {"bytes", unit_bytes(config, unit, scheme, exporter, session.model->stored_dtype())},
           {"code_bytes", code_bytes(scheme, unit.out, unit.in)},
           {"loss", table.loss[u][c]},
           {"stderr", std::isfinite(error) ? Json(error) : Json()}});
    }
    units.push_back({{"name", unit.name},
                     {"block", unit.block},
                     {"modules", unit_modules(config, unit)},
                     {"weights", unit.weights()},
                     {"score", table.score[u]},
                     {"candidates", candidates}});
  }
  return units;
}

Json pairs_json(const ScoreContext& context, const ScoreTable& table) {
  Json pairs = Json::array();
  for (const auto& pair : table.pairs) {
    pairs.push_back(
        {{"units", {context.units[pair.first].unit.name, context.units[pair.second].unit.name}},
         {"interaction", pair.interaction}});
  }
  return pairs;
}

void read_pairs(const Json& file, const std::string& where, AllocationProblem& problem) {
  std::map<std::string, size_t> index;
  for (size_t u = 0; u < problem.units.size(); ++u) index[problem.units[u].name] = u;
  for (const auto& json : json_get_or<Json>(file, "pairs", Json::array(), where)) {
    const auto names = json_get<std::vector<std::string>>(json, "units", where);
    require(names.size() == 2 && index.count(names[0]) != 0 && index.count(names[1]) != 0,
            ErrorCode::Format, "{}: a pair does not name two of its units", where);
    AllocationPair pair{index[names[0]], index[names[1]],
                        json_get<std::vector<std::vector<double>>>(json, "interaction", where)};
    const size_t columns = problem.units[pair.second].candidates.size();
    bool fits = pair.interaction.size() == problem.units[pair.first].candidates.size() &&
                problem.units[pair.first].block == problem.units[pair.second].block;
    for (const auto& row : pair.interaction) fits = fits && row.size() == columns;
    require(fits, ErrorCode::Format, "{}: the pair {}, {} does not fit its units' candidates",
            where, names[0], names[1]);
    problem.pairs.push_back(std::move(pair));
  }
}

/// A standard error of null in the file.
constexpr double kUnknown = std::numeric_limits<double>::infinity();

/// The allocator's view of a sensitivity file.
AllocationProblem problem_of(const Json& file, const std::string& where) {
  AllocationProblem problem;
  for (const auto& unit : json_get<Json>(file, "units", where)) {
    AllocationUnit entry{json_get<std::string>(unit, "name", where),
                         json_get<int>(unit, "block", where),
                         json_get<int64_t>(unit, "weights", where),
                         json_get<double>(unit, "score", where),
                         {}};
    for (const auto& candidate : json_get<Json>(unit, "candidates", where)) {
      entry.candidates.push_back(
          {json_get<std::string>(candidate, "spec", where), json_get<int>(candidate, "bits", where),
           json_get<int64_t>(candidate, "bytes", where), json_get<double>(candidate, "loss", where),
           json_get_or<double>(candidate, "stderr", kUnknown, where),
           json_get<int64_t>(candidate, "code_bytes", where)});
    }
    problem.units.push_back(std::move(entry));
  }
  read_pairs(file, where, problem);
  return problem;
}

/// With the local errors that a scorer needs which only ranks.
ScoreCost scoring_cost(const Spec& spec, const ScoreContext& context) {
  const auto& registry = Registry<Scorer>::instance();
  const auto scorer = registry.make(spec);
  ScoreCost cost = scorer->cost(context);
  if (!scorer->measures_loss()) {
    const ScoreCost local = registry.make("mse")->cost(context);
    cost.block_forwards += local.block_forwards;
    cost.quantizations += local.quantizations;
  }
  return cost;
}

/// Leaves candidates without a finite loss out of the palette while others remain; with none left,
/// the unit cannot be measured at all.
void drop_unmeasured(ScoreContext& context, ScoreTable& table) {
  for (size_t u = 0; u < context.units.size(); ++u) {
    auto& [unit, specs] = context.units[u];
    for (size_t c = specs.size(); c-- > 0;) {
      if (std::isfinite(table.loss[u][c])) continue;
      const bool others = std::any_of(table.loss[u].begin(), table.loss[u].end(),
                                      [](double loss) { return std::isfinite(loss); });
      require(others, ErrorCode::Numeric,
              "{}: the loss of {} is {}, and so is that of every other candidate; try --dtype "
              "float32, or check the checkpoint's weights",
              unit.name, specs[c], table.loss[u][c]);
      log_warning("{}: the loss of {} is {}: it is left out of the palette there", unit.name,
                  specs[c], table.loss[u][c]);
      const auto at = static_cast<std::ptrdiff_t>(c);
      specs.erase(specs.begin() + at);
      table.loss[u].erase(table.loss[u].begin() + at);
      table.loss_stderr[u].erase(table.loss_stderr[u].begin() + at);
      for (auto& pair : table.pairs) {
        if (pair.first == u) pair.interaction.erase(pair.interaction.begin() + at);
        if (pair.second != u) continue;
        for (auto& row : pair.interaction) row.erase(row.begin() + at);
      }
    }
  }
}

ScoreTable run_scorer(const Spec& spec, ScoreContext& result) {
  ScoreContext context = result;
  ScoreCost spent;
  context.spent = &spent;
  const auto& registry = Registry<Scorer>::instance();
  const auto scorer = registry.make(spec);
  ScoreTable table = scorer->score(context);
  if (!scorer->measures_loss()) {
    log_info("{} ranks blocks; candidates' losses are their local errors weighted by the rank",
             spec.name);
    weight_local_losses(registry.make("mse")->score(context), table);
  }
  log_info("score: {} block forwards, {} quantizations", spent.block_forwards, spent.quantizations);
  drop_unmeasured(result, table);
  return table;
}

Json sensitivity_json(const Session& session, const ScoreOptions& options,
                      const std::string& scorer, const ScoreContext& context,
                      const ScoreTable& table) {
  const auto exporter = Registry<Exporter>::instance().make(options.format);
  const bool measured = table.loss_unit == "nats/token" || parse_spec(scorer).name == "mse";
  return {{"schema", "mpq-sensitivity/1"},
          {"model", session.calibration.at("model")},
          {"task", session.calibration.at("task")},
          {"scorer", scorer},
          {"kind", measured ? "loss" : "rank"},
          {"unit", table.loss_unit},
          {"text_share", options.text_share},
          {"details", table.details},
          {"units", units_json(session, context, table, *exporter)},
          {"pairs", pairs_json(context, table)}};
}

/// Candidates of the block that has most: their outputs are held at once.
int64_t largest_block(const ScoreContext& context) {
  std::map<int64_t, int64_t> count;
  int64_t largest = 0;
  for (const auto& [unit, candidates] : context.units) {
    count[unit.block] += static_cast<int64_t>(candidates.size());
    largest = std::max(largest, count[unit.block]);
  }
  return largest;
}

/// What a sensitivity file says of the context's units: candidates that could not be measured are
/// not in it.
Sensitivity sensitivity_of(Json file, const ScoreContext& context, const std::string& key,
                           const std::string& path) {
  Sensitivity result{context.units, problem_of(file, path), {}, key, path};
  const auto& units = result.problem.units;
  bool fits = units.size() == result.units.size();
  for (size_t u = 0; fits && u < units.size(); ++u) {
    fits = units[u].name == result.units[u].unit.name && !units[u].candidates.empty();
    result.units[u].candidates.clear();
    for (const auto& candidate : units[u].candidates)
      result.units[u].candidates.push_back(candidate.spec);
  }
  require(fits, ErrorCode::Format, "{}: its units are not the model's; delete the file", path);
  file.erase("units");
  file.erase("pairs");
  result.header = std::move(file);
  return result;
}

}  // namespace

std::string score_file(const std::string& key) { return "scores/" + key + ".json"; }

ScoreContext score_context(Session& session, const ScoreOptions& options) {
  require(options.text_share >= 0 && options.text_share <= 1, ErrorCode::Usage,
          "--text-share: expected 0 to 1, found {}", options.text_share);
  require(options.probe_tokens > 0, ErrorCode::Usage,
          "--probe-tokens: expected more than 0, found {}", options.probe_tokens);
  ScoreContext context;
  context.model = session.model.get();
  context.prompts = &session.prompts;
  context.statistics = &session.statistics;
  context.units = make_candidates(session.model->config(), options);
  // Before anything is measured: does the format hold every candidate?
  const auto exporter = Registry<Exporter>::instance().make(options.format);
  for (const auto& [unit, specs] : context.units) {
    for (const auto& spec : specs) {
      unit_bytes(session.model->config(), unit, scheme_of(spec), *exporter,
                 session.model->stored_dtype());
    }
  }
  context.groups = calibration_groups(
      session.prompts, {.probe_task_tokens = options.probe_tokens, .seed = session.common.seed});
  context.text_share = options.text_share;
  context.seed = session.common.seed;
  context.scale_dtype = session.model->stored_dtype();
  context.memory = &session.memory;
  context.tokenizer = session.tokenizer.get();
  context.stop_tokens = stop_tokens(session.model->folder());
  return context;
}

Spec chosen_scorer(const Model& model, const ScoreOptions& options) {
  constexpr int64_t kManyBlocks = 10;
  const bool deep = model.config().layers > kManyBlocks;
  return Registry<Scorer>::instance().canonical(
      parse_spec(options.scorer == "auto" ? (deep ? "grad" : "taqo") : options.scorer));
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

Sensitivity score_or_load(Session& session, const ScoreOptions& options) {
  const Spec spec = chosen_scorer(*session.model, options);
  ScoreContext context = score_context(session, options);
  const std::string key = score_key(session, options, context, spec);
  const std::string path = session.work.file(score_file(key));
  if (std::filesystem::exists(path)) {
    log_info("score: {} was scored before; skipped", to_string(spec));
    return sensitivity_of(read_json_file(path), context, key, path);
  }
  if (options.scorer == "auto")
    log_info("score: by {}, chosen for {} blocks; --scorer names another", to_string(spec),
             session.model->config().layers);
  const StageTimer timer("score");
  add_fisher(session, context);
  const std::string finished = session.work.file("score/" + key);
  context.finished_folder = finished;
  const ScoreTable table = run_scorer(spec, context);
  const Json file = sensitivity_json(session, options, to_string(spec), context, table);
  std::filesystem::create_directories(session.work.file("scores"));
  write_json_file(path, file);
  // By its name too, for people: the last one of this scorer.
  write_json_file(session.work.file("sensitivity-" + spec.name + ".json"), file);
  timer.record(session.work.path());
  std::filesystem::remove_all(finished);
  return sensitivity_of(file, context, key, path);
}

Sensitivity sensitivity_for_choice(Session& session, const ScoreOptions& options) {
  const ScoreContext context = score_context(session, options);
  const bool choice =
      std::any_of(context.units.begin(), context.units.end(),
                  [](const ScoredUnit& unit) { return unit.candidates.size() > 1; });
  if (choice) return score_or_load(session, options);
  log_info("every unit has one candidate: nothing to score");
  return sensitivity_of(
      sensitivity_json(session, options, "none", context, empty_table(context, "")), context,
      score_key(session, options, context, parse_spec("none")), "");
}

Json describe_scoring(Session& session, const ScoreOptions& options) {
  const Spec spec = chosen_scorer(*session.model, options);
  const ScoreContext context = score_context(session, options);
  const ScoreCost cost = scoring_cost(spec, context);
  int64_t candidates = 0;
  for (const auto& unit : context.units) candidates += static_cast<int64_t>(unit.candidates.size());
  int64_t probe_rows = 0;
  for (const auto& group : context.groups) probe_rows += group.probe ? group.plan.rows() : 0;
  const int64_t row_bytes =
      session.model->config().hidden *
      static_cast<int64_t>(at::elementSize(wide_dtype(session.model->dtype())));
  return {{"stage", "score"},
          {"dry_run", true},
          {"scorer", to_string(spec)},
          {"units", context.units.size()},
          {"candidates", candidates},
          {"block_forwards", cost.block_forwards},
          {"quantizations", cost.quantizations},
          {"probe_tokens", probe_rows},
          {"peak_hidden_bytes", largest_block(context) * probe_rows * row_bytes}};
}

Json score(const CommonOptions& common, const ScoreOptions& options) {
  Session session(common);
  if (common.dry_run) return describe_scoring(session, options);
  const Sensitivity result = score_or_load(session, options);
  Json units = Json::array();
  for (const auto& unit : result.problem.units) {
    Json losses = Json::object();
    for (const auto& candidate : unit.candidates) losses[candidate.spec] = candidate.loss;
    units.push_back({{"name", unit.name}, {"score", unit.score}, {"losses", losses}});
  }
  return {{"stage", "score"}, {"path", result.path}, {"units", units}};
}

}  // namespace mpq
