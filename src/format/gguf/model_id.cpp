// The heuristics by which llama.cpp's converter fills general.name, basename, finetune and version.
#include "model_id.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>
#include <vector>

#include "mpq/core/decimal_point.h"

namespace mpq {
namespace {

enum class Kind { Basename, SizeLabel, Finetune, Version, Type };

struct Part {
  std::string text;
  std::set<Kind> kinds;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr size_t kLongestPart = 64;  // std::regex recurses by character

bool matches(const std::string& text, const char* pattern) {
  return text.size() <= kLongestPart &&
         std::regex_match(text, std::regex(pattern, std::regex::ECMAScript | std::regex::icase));
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void read_size(Part& part, int64_t parameters) {
  std::string text = part.text;
  std::replace(text.begin(), text.end(), '_', '.');
  if (text.size() > 1 && is_digit(text.back()))  // bloom-7b1
    text = text.substr(0, text.size() - 2) + "." + text.back() + text[text.size() - 2];
  if (text.size() > 1 && is_digit(text[text.size() - 2])) text.back() = upper(text.back());
  const std::string number = text.substr(0, text.size() - 1);
  const size_t power = std::string(" KMBT").find(text.back());
  const bool is_number =
      !number.empty() && number.find_first_not_of("0123456789.") == std::string::npos;
  if (parameters > 0 && is_number && power != std::string::npos) {
    const double label = decimal_number(number) * std::pow(1000.0, static_cast<double>(power));
    if (std::abs(label - static_cast<double>(parameters)) >
        std::floor(7 * static_cast<double>(parameters) / 8)) {
      part.kinds.insert(Kind::Finetune);
      text.back() = lower(text.back());
    }
  }
  if (part.kinds.empty()) part.kinds.insert(Kind::SizeLabel);
  part.text = text;
}

void annotate(Part& part, bool is_first, int64_t parameters) {
  const std::string text = part.text;
  if (matches(text, R"((v|iter)?\d+([.]\d+)*)")) {
    part.kinds.insert(Kind::Version);
  } else if (matches(text, R"(i?q\d(_\w)*|b?fp?(16|32))")) {
    part.kinds.insert(Kind::Type);
    std::transform(text.begin(), text.end(), part.text.begin(), upper);
  } else if (!is_first && matches(text, R"(((A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium)"
                                        R"(|large|x?xl))")) {
    read_size(part, parameters);
  } else if (!is_first && matches(text, "chat|instruct|vision|lora")) {
    part.kinds.insert(Kind::Finetune);
  }
}

/// A size in words says nothing where there is one in digits.
void drop_size_words(std::vector<Part>& parts) {
  const auto has_digit = [](const Part& part) {
    return part.kinds.contains(Kind::SizeLabel) &&
           std::any_of(part.text.begin(), part.text.end(), is_digit);
  };
  if (std::none_of(parts.begin(), parts.end(), has_digit)) return;
  for (Part& part : parts) {
    if (std::all_of(part.text.begin(), part.text.end(), is_alpha))
      part.kinds.erase(Kind::SizeLabel);
  }
}

void find_basename(std::vector<Part>& parts) {
  bool at_start = true;
  for (Part& part : parts) {
    const bool plain = part.kinds.empty() && is_alpha(part.text[0]);
    at_start = at_start && (plain || part.kinds.contains(Kind::Version));
    if (at_start) {
      part.kinds.insert(Kind::Basename);
    } else if (part.kinds.empty()) {
      part.kinds.insert(Kind::Finetune);
    }
  }
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->kinds.contains(Kind::Basename) || part->kinds.size() == 1) break;
    part->kinds.erase(Kind::Basename);
  }
}

std::string joined(const std::vector<Part>& parts, Kind kind) {
  std::string text;
  std::set<std::string> seen;
  for (const Part& part : parts) {
    if (!part.kinds.contains(kind)) continue;
    if (kind == Kind::Version && part.kinds.contains(Kind::Basename)) continue;
    if (kind == Kind::SizeLabel && !seen.insert(part.text).second) continue;
    text += (text.empty() ? "" : "-") + part.text;
  }
  return text;
}

}  // namespace

ModelId parse_model_id(const std::string& id, int64_t parameters) {
  ModelId result;
  result.name = id;
  if (id.find(' ') != std::string::npos) return result;  // a sentence
  if (const size_t slash = id.find('/'); slash != std::string::npos) {
    result.organization = id.substr(0, slash);
    result.name = id.substr(slash + 1);
    if (result.organization.starts_with('.')) result.organization.clear();
  }
  std::vector<Part> parts;
  for (const std::string& text : split(result.name, '-')) parts.push_back({text, {}});
  for (size_t i = 0; i < parts.size(); ++i) annotate(parts[i], i == 0, parameters);
  drop_size_words(parts);
  find_basename(parts);
  result.finetune = joined(parts, Kind::Finetune);
  result.version = joined(parts, Kind::Version);
  result.size_label = joined(parts, Kind::SizeLabel);
  const bool ambiguous =
      result.finetune.empty() && result.version.empty() && result.size_label.empty();
  if (!ambiguous) result.basename = joined(parts, Kind::Basename);
  return result;
}

std::string title_of(const std::string& name) {
  std::string spaced = name, title;
  std::replace(spaced.begin(), spaced.end(), '-', ' ');
  for (std::string word : split(spaced, ' ')) {
    const bool has_lower =
        std::any_of(word.begin(), word.end(), [](char c) { return lower(c) == c && is_alpha(c); });
    const bool has_upper =
        std::any_of(word.begin(), word.end(), [](char c) { return upper(c) == c && is_alpha(c); });
    const bool version = is_digit(word[0]) || matches(word, R"(v\d+(\.\d+)*)");
    if (has_lower && !has_upper && !version) {
      for (size_t i = 0; i < word.size(); ++i) {
        if (i == 0 || !is_alpha(word[i - 1])) word[i] = upper(word[i]);
      }
    }
    title += (title.empty() ? "" : " ") + word;
  }
  return title;
}

std::string rounded_size(int64_t parameters) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}};
  double unit = 1e3;
  const char* suffix = "K";
  for (const auto& [size, name] : kUnits) {
    if (static_cast<double>(parameters) <= size) continue;
    unit = size;
    suffix = name;
    break;
  }
  const double scaled = static_cast<double>(parameters) / unit;
  const auto whole = static_cast<int64_t>(std::nearbyint(scaled));
  const size_t digits = whole == 0 ? 0 : std::to_string(whole).size();
  return fmt::format("{:.{}f}{}", scaled, digits < 2 ? 2 - digits : 0, suffix);
}

}  // namespace mpq
