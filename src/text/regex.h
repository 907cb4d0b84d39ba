#pragma once
// Regular expressions as tokenizer.json writes them (Oniguruma's syntax), run by PCRE2.
#include <memory>
#include <string>
#include <string_view>

#include "span.h"

namespace mpq::text {

class Regex {
 public:
  /// Throws Error(Unsupported) when the expression has no equivalent in PCRE2, naming `where`.
  Regex(const std::string& pattern, const std::string& where);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  /// The leftmost match that starts at `from` or later. The text must be UTF-8. Thread-safe.
  bool find(std::string_view text, size_t from, Span& match) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
  std::string where_;
};

/// The same expression in PCRE2's syntax: \s and \w mean Unicode's White_Space and word characters,
/// \uHHHH is \x{HHHH}.
std::string pcre2_pattern(const std::string& pattern, const std::string& where);

}  // namespace mpq::text
