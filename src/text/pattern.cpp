// Strings, regular expressions and character classes as patterns.
#include "pattern.h"

#include "mpq/core/error.h"
#include "regex.h"
#include "utf8.h"

namespace mpq::text {
namespace {

class StringPattern : public Pattern {
 public:
  explicit StringPattern(std::string needle) : needle_(std::move(needle)) {}
  void find_all(std::string_view text, std::vector<Span>& matches) const override {
    if (needle_.empty()) return;
    for (size_t at = 0; (at = text.find(needle_, at)) != text.npos; at += needle_.size()) {
      matches.push_back({at, at + needle_.size()});
    }
  }

 private:
  std::string needle_;
};

class RegexPattern : public Pattern {
 public:
  RegexPattern(const std::string& expression, const std::string& where)
      : regex_(expression, where) {}
  void find_all(std::string_view text, std::vector<Span>& matches) const override {
    size_t from = 0, last_end = text.npos;
    Span match;
    while (from <= text.size() && regex_.find(text, from, match)) {
      if (match.empty() && match.end == last_end) {
        // An empty match right behind the last one does not count.
        if (from >= text.size()) break;
        next_code_point(text, from);
        continue;
      }
      matches.push_back(match);
      from = last_end = match.end;
    }
  }

 private:
  Regex regex_;
};

class ClassPattern : public Pattern {
 public:
  explicit ClassPattern(std::function<bool(char32_t)> is_member)
      : is_member_(std::move(is_member)) {}
  void find_all(std::string_view text, std::vector<Span>& matches) const override {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (is_member_(next_code_point(text, at))) matches.push_back({begin, at});
    }
  }

 private:
  std::function<bool(char32_t)> is_member_;
};

}  // namespace

std::unique_ptr<Pattern> make_pattern(const Json& value, const std::string& where) {
  if (value.is_string()) return std::make_unique<StringPattern>(value.get<std::string>());
  if (value.is_object() && value.contains("Regex")) {
    return make_regex_pattern(json_get<std::string>(value, "Regex", where), where);
  }
  return std::make_unique<StringPattern>(json_get<std::string>(value, "String", where));
}

std::unique_ptr<Pattern> make_regex_pattern(const std::string& expression,
                                            const std::string& where) {
  return std::make_unique<RegexPattern>(expression, where);
}

std::unique_ptr<Pattern> make_class_pattern(std::function<bool(char32_t)> is_member) {
  return std::make_unique<ClassPattern>(std::move(is_member));
}

std::string replaced(std::string_view text, const Pattern& pattern, std::string_view content) {
  std::vector<Span> matches;
  pattern.find_all(text, matches);
  std::string out;
  out.reserve(text.size() + matches.size() * content.size());
  size_t done = 0;
  for (const Span& match : matches) {
    out += text.substr(done, match.begin - done);
    out += content;
    done = match.end;
  }
  out += text.substr(done);
  return out;
}

}  // namespace mpq::text
