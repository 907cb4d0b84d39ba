// Two checkpoints or two reports, side by side.
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "mpq/core/error.h"
#include "mpq/eval/evaluate.h"
#include "mpq/pipeline/candidates.h"
#include "mpq/pipeline/checkpoint_path.h"
#include "mpq/pipeline/gates.h"
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"
#include "mpq/pipeline/stages.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

/// What is known of one side.
struct Compared {
  std::string path;
  Json bytes{};                          // of the weight files, or null
  std::map<std::string, double> bits{};  // by module; empty when unknown
  Json result{};                         // of an evaluation, or null
  std::string input{};                   // hash of what was measured on
  bool is_reference = false;             // of the other side's KL: its own is 0
};

std::map<std::string, double> bits_of(const Plan& plan) {
  std::map<std::string, double> bits;
  for (const auto& unit : plan.units) {
    for (const auto& module : unit.modules)
      bits[module] = mean_code_bits(make_method(unit.spec).encoding);
  }
  return bits;
}

bool is_checkpoint(const std::string& path) { return fs::is_directory(path) || is_gguf_file(path); }

Compared read_checkpoint(const std::string& path) {
  const std::string folder = checkpoint_folder(path);
  Compared side{.path = path, .bytes = weight_file_bytes(folder)};
  if (fs::exists(folder + "/plan.json")) side.bits = bits_of(read_plan(folder + "/plan.json"));
  return side;
}

/// The report of `eval`, or of `run`: there the chosen plan's row counts.
Compared read_report(const std::string& path) {
  const Json file = read_json_file(path);
  Compared side{.path = path};
  const Json comparison = json_get_or<Json>(file, "comparison", nullptr, path);
  const Json& holder = comparison.is_object() ? comparison : file;
  side.input = json_get_or<std::string>(holder, "input_sha256", "", path);
  if (comparison.is_object()) {
    const auto rows = json_get<Json>(comparison, "rows", path);
    require(rows.is_array() && !rows.empty(), ErrorCode::Format, "{}: has no rows to compare",
            path);
    side.result = json_get<Json>(rows.back(), "result", path);
    side.bytes = json_get<int64_t>(rows.back(), "file_bytes", path);
    side.bits = bits_of(plan_from_json(json_get<Json>(file, "plan", path), path));
  } else {
    side.result = json_get<Json>(file, "result", path);
    side.bytes = json_get_or<Json>(file, "file_bytes", nullptr, path);
  }
  require(side.result.is_object(), ErrorCode::Format, "{}: \"result\" is not an object", path);
  return side;
}

/// 4, not 4.0.
Json whole(double bits) {
  return bits == std::floor(bits) ? Json(static_cast<int>(bits)) : Json(bits);
}

Json changed_bits(const Compared& first, const Compared& second) {
  Json list = Json::array();
  for (const auto& [module, bits] : first.bits) {
    const auto other = second.bits.find(module);
    if (other != second.bits.end() && other->second != bits)
      list.push_back(
          {{"module", module}, {"first", whole(bits)}, {"second", whole(other->second)}});
  }
  return list;
}

struct Metric {
  const char* name;
  const char* set;     // object of the result that holds it, or null
  const char* figure;  // there
  const char* prompt;  // its name among a prompt's figures, or null
};

Json figure_of(const Json& result, const Metric& metric) {
  const Json holder = metric.set == nullptr ? result : result.value(metric.set, Json::object());
  return holder.value(metric.figure, Json());
}

/// Unknown for a single document.
double error_of(const Json& figure) {
  return json_get_or<double>(figure, "stderr", std::numeric_limits<double>::quiet_NaN(), "diff");
}

Json compare_figures(const Metric& metric, const Compared& first, const Compared& second,
                     bool paired) {
  const Json b = figure_of(second.result, metric);
  Json a = figure_of(first.result, metric);
  const bool itself = a.is_null() && metric.set != nullptr && first.is_reference;
  if (itself) a = {{"mean", 0.0}, {"stderr", 0.0}};
  if (a.is_null() || b.is_null()) return nullptr;
  const double change = b.at("mean").get<double>() - a.at("mean").get<double>();
  Json json = {{"first", a.at("mean")},
               {"second", b.at("mean")},
               {"change", change},
               {"stderr", error_json(std::hypot(error_of(a), error_of(b)))},
               {"paired", false}};
  if (metric.prompt == nullptr || itself || !paired) return json;
  const auto one = by_prompt(first.result, metric.prompt);
  const auto two = by_prompt(second.result, metric.prompt);
  if (one.size() != two.size()) return json;
  const PairedDifference difference = compare_paired(two, one);
  if (difference.pairs == 0) return json;
  json["stderr"] = error_json(difference.stderr_);
  json["sign_test_p"] = difference.sign_test_p;
  json["paired"] = true;
  return json;
}

Json measured_metrics(const Compared& first, const Compared& second) {
  constexpr Metric kMetrics[] = {
      {"exact_match", nullptr, "exact_match", "exact_match"},
      {"f1", nullptr, "f1", "f1"},
      {"choice_accuracy_normalized", nullptr, "choice_accuracy_normalized",
       "choice_accuracy_normalized"},
      {"task_kl", "task_divergence", "kl", "kl"},
      {"text_kl", "text_divergence", "kl", nullptr},
      {"perplexity", nullptr, "perplexity", nullptr},
  };
  Json metrics = Json::object();
  if (!first.result.is_object() || !second.result.is_object()) return metrics;
  const bool paired = !first.input.empty() && first.input == second.input;
  for (const auto& metric : kMetrics) {
    const Json compared = compare_figures(metric, first, second, paired);
    if (!compared.is_null()) metrics[metric.name] = compared;
  }
  return metrics;
}

/// Reports come from outside: one that lacks what it should have is named.
Json compare_metrics(const Compared& first, const Compared& second) {
  try {
    return measured_metrics(first, second);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::Format, "{} or {}: is not a complete report: {}", first.path, second.path,
         error.what());
  }
}

/// What `eval` says of a side, the first side being the reference of the second; of a dry run what
/// that takes.
Json measure(const CommonOptions& common, const EvalOptions& options, const std::string& reference,
             Compared& side) {
  EvalOptions mine = options;
  mine.model = side.path;
  mine.reference = reference;
  Json summary = measure_checkpoint(common, mine);
  if (common.dry_run) return summary;
  side.result = summary.at("result");
  side.input = summary.at("input_sha256");
  return summary;
}

}  // namespace

Json diff(const CommonOptions& common, const DiffOptions& options, const EvalOptions& evaluation) {
  for (const auto& path : {options.first, options.second})
    require(fs::exists(path), ErrorCode::Io, "{}: there is no such checkpoint or report", path);
  const bool checkpoints = is_checkpoint(options.first);
  require(checkpoints == is_checkpoint(options.second), ErrorCode::Usage,
          "diff: expected two checkpoints or two reports, found one of each");
  Compared first = checkpoints ? read_checkpoint(options.first) : read_report(options.first);
  Compared second = checkpoints ? read_checkpoint(options.second) : read_report(options.second);
  Json estimate = Json::object();
  if (!evaluation.task.empty() || !evaluation.text.empty()) {
    require(checkpoints, ErrorCode::Usage,
            "--task and --text measure checkpoints; reports are fixed");
    const Json one = measure(common, evaluation, "", first);
    const Json two = measure(common, evaluation, options.first, second);
    first.is_reference = true;
    if (common.dry_run) {
      estimate = {{"dry_run", true},
                  {"seconds", one.at("seconds").get<double>() + two.at("seconds").get<double>()},
                  {"peak_bytes", std::max(one.at("peak_bytes").get<int64_t>(),
                                          two.at("peak_bytes").get<int64_t>())}};
    }
  }
  Json bytes = {{"first", first.bytes}, {"second", second.bytes}};
  const Json metrics = compare_metrics(first, second);
  const Json gates = estimate.empty() ? check_gates(options.gates, metrics, bytes) : Json::array();
  Json result = {{"stage", "diff"},
                 {"first", first.path},
                 {"second", second.path},
                 {"bytes", bytes},
                 {"changed_bits", changed_bits(first, second)},
                 {"metrics", metrics},
                 {"same_prompts", !first.input.empty() && first.input == second.input},
                 {"gates", gates}};
  result.update(estimate);
  for (const auto& gate : gates) {
    if (!gate.at("holds").get<bool>()) result["exit_status"] = static_cast<int>(ErrorCode::Gate);
  }
  return result;
}

}  // namespace mpq
