// The table of the three models, one column each.
#include <fmt/format.h>

#include <functional>

#include "html.h"
#include "mpq/core/units.h"
#include "sections.h"

namespace mpq {
namespace {

const Json* row_named(const Json& rows, const std::string& start) {
  for (const auto& row : rows) {
    if (row.at("name").get<std::string>().rfind(start, 0) == 0) return &row;
  }
  return nullptr;
}

Json kl_of(const Json& row, const char* set) {
  return row.at("result").value(set, Json::object()).value("kl", Json());
}

/// One sentence: what the mix brought against the uniform plan.
std::string verdict(const Json& rows) {
  const Json* uniform = row_named(rows, "uniform");
  const Json& chosen = rows.back();
  if (uniform == nullptr) return "";
  const Json ours = kl_of(chosen, "task_divergence");
  const Json theirs = kl_of(*uniform, "task_divergence");
  if (!ours.is_object() || !theirs.is_object() || theirs.at("mean").get<double>() <= 0) return "";
  return fmt::format(
      "<p class=\"verdict\">At {} bits a weight the chosen plan loses <b>{:.2f} ×</b> the task KL "
      "of "
      "the best uniform plan that fits ({} bits).</p>\n",
      html::number(chosen.at("effective_bits")),
      ours.at("mean").get<double>() / theirs.at("mean").get<double>(),
      html::number(uniform->at("effective_bits")));
}

using Cell = std::function<std::string(const Json& row)>;

std::string measure_of(const Json& row, const char* name) {
  return html::figure(row.at("result").value(name, Json()), 4);
}

}  // namespace

std::string headline_section(const ReportFacts& facts) {
  const Json& rows = facts.report.at("comparison").at("rows");
  const std::pair<const char*, Cell> lines[] = {
      {"bits a weight", [](const Json& row) { return html::number(row.at("effective_bits")); }},
      {"quantized linears",
       [](const Json& row) { return format_bytes(row.at("bytes").get<int64_t>()); }},
      {"weight files",
       [](const Json& row) { return format_bytes(row.at("file_bytes").get<int64_t>()); }},
      {"exact match", [](const Json& row) { return measure_of(row, "exact_match"); }},
      {"F1", [](const Json& row) { return measure_of(row, "f1"); }},
      {"choice accuracy",
       [](const Json& row) { return measure_of(row, "choice_accuracy_normalized"); }},
      {"task KL, nats/token",
       [](const Json& row) { return html::figure(kl_of(row, "task_divergence")); }},
      {"same top token",
       [](const Json& row) {
         return html::figure(row.at("result")
                                 .value("task_divergence", Json::object())
                                 .value("top1_agreement", Json()));
       }},
      {"text KL, nats/token",
       [](const Json& row) { return html::figure(kl_of(row, "text_divergence")); }},
      {"perplexity", [](const Json& row) { return measure_of(row, "perplexity"); }},
  };
  std::string table = "<table class=\"headline\">\n<tr><th></th>";
  for (const auto& row : rows)
    table += fmt::format("<th>{}</th>", html::escape(row.at("name").get<std::string>()));
  table += "</tr>\n";
  for (const auto& [name, cell] : lines) {
    std::string line;
    bool any = false;
    for (const auto& row : rows) {
      const std::string value = cell(row);
      any = any || value != "–";
      line += "<td>" + value + "</td>";
    }
    if (any) table += fmt::format("<tr><th>{}</th>{}</tr>\n", name, line);
  }
  const auto prompts = facts.report.at("comparison").at("prompts").size();
  const std::string note = fmt::format(
      "<p class=\"note\">Measured on {} prompts and {} windows of text that no plan was made from; "
      "± "
      "is one standard error over prompts or documents. KL is to full precision.</p>\n",
      prompts, facts.report.at("comparison").at("text_windows").get<int64_t>());
  return html::section("Result", verdict(rows) + table + "</table>\n" + note);
}

}  // namespace mpq
