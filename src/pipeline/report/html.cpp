// Escaping and small blocks.
#include "html.h"

#include <fmt/format.h>

#include <cmath>

namespace mpq::html {

std::string escape(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '&') {
      result += "&amp;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (code < 32 && c != '\n' && c != '\t') {
      result += fmt::format("&#{};", 0x2400 + code);  // the symbol of that control character
    } else {
      result += c;
    }
  }
  return result;
}

std::string number(const Json& value, int digits) {
  return value.is_number() && !std::isnan(value.get<double>())
             ? fmt::format("{:.{}g}", value.get<double>(), digits)
             : "–";
}

std::string figure(const Json& value, int digits) {
  if (!value.is_object() || !value.contains("mean")) return "–";
  return fmt::format("{} <span class=\"error\">± {}</span>", number(value.at("mean"), digits),
                     number(value.value("stderr", Json()), 2));
}

std::string section(const std::string& title, const std::string& body, const std::string& style) {
  if (body.empty()) return "";
  return fmt::format("<section class=\"{}\">\n<h2>{}</h2>\n{}</section>\n", style, title, body);
}

std::string facts_table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string body;
  for (const auto& [name, value] : rows) {
    if (!value.empty()) body += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", name, value);
  }
  return body.empty() ? "" : "<table class=\"facts\">\n" + body + "</table>\n";
}

std::string legend(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string body;
  for (const auto& [swatch, text] : entries)
    body += fmt::format("<span><i class=\"{}\"></i>{}</span>\n", swatch, text);
  return "<p class=\"legend\">\n" + body + "</p>\n";
}

}  // namespace mpq::html
