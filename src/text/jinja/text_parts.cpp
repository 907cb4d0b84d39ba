// Stripping, splitting and replacing.
#include <algorithm>

#include "budget.h"
#include "python_text.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

bool is_line_end(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<std::string> split_at_space(std::u32string_view points, int64_t limit) {
  std::vector<std::string> parts;
  size_t at = 0;
  const auto skip = [&](bool space) {
    while (at < points.size() && is_space(points[at]) == space) ++at;
  };
  for (skip(true); at < points.size(); skip(true)) {
    const size_t begin = at;
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      at = points.size();
    } else {
      skip(false);
    }
    parts.push_back(utf8_of(points.substr(begin, at - begin)));
  }
  return parts;
}

std::vector<std::string> split_at(std::string_view text, std::string_view separator,
                                  int64_t limit) {
  std::vector<std::string> parts;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    const size_t end = text.find(separator);
    if (end == std::string_view::npos) break;
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end + separator.size());
    require_item_count(parts.size());
  }
  parts.emplace_back(text);
  return parts;
}

std::vector<std::string> split_at_from_right(std::string_view text, std::string_view separator,
                                             int64_t limit) {
  std::vector<std::string> parts;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    const size_t begin = text.rfind(separator);
    if (begin == std::string_view::npos) break;
    parts.emplace_back(text.substr(begin + separator.size()));
    text = text.substr(0, begin);
    require_item_count(parts.size());
  }
  parts.emplace_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::string stripped(std::string_view text, const std::optional<std::string>& characters,
                     bool at_begin, bool at_end) {
  const std::u32string set = characters ? code_points(*characters) : std::u32string();
  const auto goes = [&](char32_t c) {
    return characters ? set.find(c) != std::u32string::npos : is_space(c);
  };
  size_t begin = 0, end = text.size();
  while (at_begin && begin < end) {
    size_t next = begin;
    if (!goes(next_code_point(text, next))) break;
    begin = next;
  }
  while (at_end && end > begin) {
    size_t previous = end;
    if (!goes(previous_code_point(text, previous))) break;
    end = previous;
  }
  return std::string(text.substr(begin, end - begin));
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    const char32_t c = next_code_point(text, at);
    if (!is_line_end(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    if (keep_ends) end = at;
    lines.emplace_back(text.substr(begin, end - begin));
    require_item_count(lines.size());
    begin = at;
  }
  if (begin < text.size()) lines.emplace_back(text.substr(begin));
  return lines;
}

std::vector<std::string> split_text(std::string_view text,
                                    const std::optional<std::string>& separator, int64_t limit,
                                    bool from_right) {
  if (separator) {
    return from_right ? split_at_from_right(text, *separator, limit)
                      : split_at(text, *separator, limit);
  }
  std::u32string points = code_points(text);
  if (!from_right) return split_at_space(points, limit);
  // From the right is from the left of the text turned round.
  std::reverse(points.begin(), points.end());
  auto parts = split_at_space(points, limit);
  for (std::string& part : parts) {
    std::u32string turned = code_points(part);
    std::reverse(turned.begin(), turned.end());
    part = utf8_of(turned);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::string replaced(std::string_view text, std::string_view old, std::string_view fresh,
                     int64_t limit) {
  std::string out;
  int64_t count = 0;
  const auto may_replace = [&] { return limit < 0 || count < limit; };
  const auto put = [&](std::string_view part) {
    out += part;
    require_text_size(out.size());
  };
  if (old.empty()) {  // before every code point and at the end
    for (size_t at = 0; at <= text.size();) {
      if (may_replace()) put(fresh), ++count;
      if (at == text.size()) break;
      const size_t begin = at;
      next_code_point(text, at);
      put(text.substr(begin, at - begin));
    }
    return out;
  }
  for (size_t found; may_replace() && (found = text.find(old)) != std::string_view::npos; ++count) {
    put(text.substr(0, found));
    put(fresh);
    text.remove_prefix(found + old.size());
  }
  put(text);
  return out;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace mpq::text::jinja
