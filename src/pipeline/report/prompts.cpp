// The prompts whose output moved most, before and after.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "html.h"
#include "sections.h"

namespace mpq {
namespace {

constexpr size_t kShown = 5;
constexpr size_t kMostBytes = 600;

/// The end of a long prompt, where the answer follows; never half a character.
std::string shortened(const std::string& text) {
  if (text.size() <= kMostBytes) return text;
  size_t begin = text.size() - kMostBytes;
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
  return "… " + text.substr(begin);
}

Json prompt_result(const Json& row, size_t index) {
  const Json& prompts = row.at("result").at("prompts");
  return index < prompts.size() ? prompts[index] : Json::object();
}

std::string card(const Json& rows, const Json& prompt, size_t index) {
  std::string table = "<table class=\"facts\">\n";
  for (const auto& row : rows) {
    const Json result = prompt_result(row, index);
    const std::string kl =
        result.contains("kl") ? "KL " + html::number(result.at("kl"), 3) : std::string();
    const std::string said = result.contains("generated")
                                 ? "“" + html::escape(result.at("generated")) + "”"
                                 : std::string();
    if (kl.empty() && said.empty()) continue;
    table += fmt::format("<tr><th>{}</th><td>{}</td><td>{}</td></tr>\n",
                         html::escape(row.at("name").get<std::string>()), said, kl);
  }
  std::string answers;
  for (const auto& answer : prompt.at("answers"))
    answers += (answers.empty() ? "" : " or ") + html::escape(answer.get<std::string>());
  return fmt::format(
      "<article>\n<p class=\"source\">{}</p>\n<pre>{}</pre>\n{}{}</table></article>\n",
      html::escape(prompt.at("source").get<std::string>()),
      html::escape(shortened(prompt.at("prompt").get<std::string>())),
      answers.empty() ? "" : "<p>Expected: " + answers + "</p>\n", table);
}

}  // namespace

std::string prompts_section(const ReportFacts& facts) {
  const Json& rows = facts.report.at("comparison").at("rows");
  const Json& prompts = facts.report.at("comparison").at("prompts");
  std::vector<double> kl;
  for (size_t i = 0; i < prompts.size(); ++i)
    kl.push_back(prompt_result(rows.back(), i).value("kl", 0.0));
  std::vector<size_t> order(kl.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return kl[a] > kl[b]; });
  std::string cards;
  for (size_t i = 0; i < std::min(kShown, order.size()); ++i)
    cards += card(rows, prompts[order[i]], order[i]);
  return html::section("Prompts that changed most",
                       cards.empty() ? "" : "<div class=\"cards\">\n" + cards + "</div>\n", "wide");
}

}  // namespace mpq
