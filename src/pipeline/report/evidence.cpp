// What the result rests on, and how to make it again.
#include <fmt/format.h>

#include "html.h"
#include "mpq/core/units.h"
#include "sections.h"

namespace mpq {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const Json& value) {
  if (value.is_null()) return "";
  return html::escape(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string code(const Json& value) {
  const std::string text = text_of(value);
  return text.empty() ? "" : "<code>" + text + "</code>";
}

std::string kl_of(const Json& side) {
  if (!side.contains("kl")) return "";
  return html::figure({{"mean", side.at("kl")}, {"stderr", side.value("kl_stderr", Json())}});
}

std::string verification(const ReportFacts& facts) {
  const Json verified = facts.plan.value("verified", Json::object());
  if (!verified.contains("plan")) return "";
  const Json difference = verified.value("difference", Json::object());
  Rows rows = {{"held-out prompts", text_of(verified.value("prompts", Json()))},
               {"the plan's task KL", kl_of(verified.at("plan"))},
               {"the uniform plan's", kl_of(verified.at("uniform"))},
               {"difference, by prompt",
                html::figure({{"mean", difference.value("kl", Json())},
                              {"stderr", difference.value("kl_stderr", Json())}}) +
                    fmt::format(", sign test p = {}",
                                html::number(difference.value("sign_test_p", Json()), 2))},
               {"kept", text_of(verified.value("kept", Json()))}};
  const Json general = verified.value("general_text", Json());
  if (general.is_object()) {
    rows.emplace_back("general text, beyond the uniform plan",
                      html::number(general.at("excess"), 3) + " nats/token" +
                          (general.at("marked").get<bool>()
                               ? " <b class=\"warning\">more than --max-general-kl allows</b>"
                               : ""));
  }
  const Json additivity = facts.curve.is_null() ? Json::object() : facts.curve.at("additivity");
  const Json ratio = additivity.value("ratio", Json());
  if (ratio.is_object()) {
    rows.emplace_back(
        "measured over predicted loss",
        fmt::format("{} (from {} to {} over {} plans)", html::number(ratio.at("median"), 3),
                    html::number(ratio.at("min"), 3), html::number(ratio.at("max"), 3),
                    additivity.at("plans").dump()));
  }
  if (additivity.value("rank_correlation", Json()).is_number())
    rows.emplace_back("rank correlation of both",
                      html::number(additivity.at("rank_correlation"), 3));
  const Json refined = facts.plan.value("refined", Json::object());
  for (const auto& round : refined.value("rounds", Json::array())) {
    const Json gain = round.value("gain", Json());
    rows.emplace_back(
        "refinement",
        fmt::format("{} exchanges tried, {} helped; gain {}", round.at("tried").dump(),
                    round.at("helpful").dump(), gain.is_object() ? html::figure(gain) : "none"));
  }
  return html::section("Verification", html::facts_table(rows));
}

std::string calibration(const ReportFacts& facts) {
  const Json& calibration = facts.report.at("calibration");
  Rows rows = {{"task", code(calibration.value("task", Json()))},
               {"general text", calibration.value("text", Json::array()).empty()
                                    ? "the text that ships with mpq"
                                    : code(calibration.at("text"))}};
  const Json experts = calibration.value("experts", Json());
  if (experts.is_object())
    rows.emplace_back("tokens an expert",
                      fmt::format("{} experts: median {}, fewest {}; {} saw none",
                                  experts.at("experts").dump(), experts.at("rows_median").dump(),
                                  experts.at("rows_minimum").dump(), experts.at("unseen").dump()));
  const Json fields = calibration.value("task_fields", Json::object());
  for (const auto& [part, name] : fields.items()) rows.emplace_back(part + " field", code(name));
  const Json options = calibration.value("options", Json::object());
  for (const auto& [name, value] : options.items()) {
    std::string words = name;
    for (char& c : words) c = c == '_' ? ' ' : c;
    rows.emplace_back(words, text_of(value));
  }
  rows.emplace_back("text share of Hessians", text_of(facts.plan.value("text_share", Json())));
  rows.emplace_back("scorer", code(facts.plan.value("scorer", Json())));
  rows.emplace_back("allocator", code(facts.plan.value("allocator", Json())));
  rows.emplace_back("target", text_of(facts.plan.value("target", Json())));
  rows.emplace_back("seed", text_of(facts.plan.value("seed", Json())));
  return html::section("Calibration", html::facts_table(rows));
}

std::string timings(const ReportFacts& facts) {
  if (facts.timings.is_null() || facts.timings.empty()) return "";
  std::string body =
      "<table class=\"facts\">\n<tr><th>stage</th><th>time</th><th>peak memory</th></tr>\n";
  for (const auto& [stage, timing] : facts.timings.items()) {
    body +=
        fmt::format("<tr><th>{}</th><td>{}</td><td>{}</td></tr>\n", html::escape(stage),
                    format_seconds(timing.at("seconds")), format_bytes(timing.at("peak_bytes")));
  }
  return html::section("Time and memory", body + "</table>\n");
}

/// Of the stages, one a line; `run` was all of them.
std::string commands_of(const ReportFacts& facts) {
  std::string lines;
  std::string last;
  for (const Json& holder : {facts.report.at("calibration"), facts.plan, facts.report}) {
    const std::string command = text_of(holder.value("command", Json()));
    if (command.empty() || command == last) continue;
    lines += command + "\n";
    last = command;
  }
  return lines;
}

std::string origin(const ReportFacts& facts) {
  const Json& report = facts.report;
  const Json& model = facts.plan.at("model");
  std::string body =
      html::facts_table({{"mpq", text_of(report.at("mpq"))},
                         {"libtorch", text_of(report.at("libtorch"))},
                         {"model", code(model.value("path", Json()))},
                         {"model SHA-256", code(model.value("sha256", Json()))},
                         {"task SHA-256", code(facts.plan.at("task").value("sha256", Json()))}});
  const std::string commands = commands_of(facts);
  if (!commands.empty())
    body += "<p>This makes it again:</p>\n<pre class=\"command\">" + commands + "</pre>\n";
  return html::section("Versions and hashes", body);
}

}  // namespace

std::string evidence_sections(const ReportFacts& facts) {
  return verification(facts) + calibration(facts) + timings(facts) + origin(facts);
}

}  // namespace mpq
