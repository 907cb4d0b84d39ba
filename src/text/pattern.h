#pragma once
// What Replace and Split look for: a string, a regular expression, or a class of characters.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mpq/core/json_file.h"
#include "span.h"

namespace mpq::text {

class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Appends the matches, in order and without overlap. Thread-safe.
  virtual void find_all(std::string_view text, std::vector<Span>& matches) const = 0;
};

/// {"String": "..."} or {"Regex": "..."}, or a bare string.
std::unique_ptr<Pattern> make_pattern(const Json& value, const std::string& where);
std::unique_ptr<Pattern> make_regex_pattern(const std::string& expression,
                                            const std::string& where);
/// Every code point that `is_member` is a match of its own.
std::unique_ptr<Pattern> make_class_pattern(std::function<bool(char32_t)> is_member);

/// The text with every match replaced.
std::string replaced(std::string_view text, const Pattern& pattern, std::string_view content);

/// What becomes of a delimiter.
enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };
SplitBehavior parse_split_behavior(const std::string& name, const std::string& where);
/// Appends the parts of the text, none of them empty; `invert` swaps matches and what lies between.
void split(std::string_view text, const Pattern& pattern, SplitBehavior behavior, bool invert,
           std::vector<Span>& parts);

}  // namespace mpq::text
