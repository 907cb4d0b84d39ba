// Oniguruma's syntax in that of PCRE2, where the two differ.
#include <cctype>

#include "mpq/core/error.h"
#include "regex.h"

namespace mpq::text {
namespace {

// White_Space, and Oniguruma's word characters: PCRE2's \s has U+180E too, its \w lacks marks.
constexpr const char* kSpace = "\\x{9}-\\x{d}\\x{85}\\p{Z}";
constexpr const char* kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

struct Translation {
  const std::string& pattern;
  const std::string& where;
  std::string out;
  bool in_class = false;

  [[noreturn]] void unsupported(const std::string& what) const {
    fail(ErrorCode::Unsupported, "{}: {} in the regular expression {} is not supported", where,
         what, pattern);
  }

  void shorthand(const char* members, bool negated) {
    if (in_class && negated) unsupported("a negated shorthand inside a class");
    if (!in_class) out += negated ? "[^" : "[";
    out += members;
    if (!in_class) out += ']';
  }

  // `at` is on the character behind the backslash; the last one that belongs to it is returned.
  size_t escape(size_t at) {
    switch (const char c = pattern[at]) {
      case 's':
      case 'S':
        shorthand(kSpace, c == 'S');
        return at;
      case 'w':
      case 'W':
        shorthand(kWord, c == 'W');
        return at;
      case 'u': {
        if (at + 4 >= pattern.size()) unsupported("a short \\u escape");
        for (size_t i = at + 1; i <= at + 4; ++i) {
          if (!std::isxdigit(static_cast<unsigned char>(pattern[i]))) unsupported("\\u");
        }
        out += "\\x{" + pattern.substr(at + 1, 4) + "}";
        return at + 4;
      }
      case 'h':
      case 'H':
      case 'R':
      case 'X':
      case 'y':
      case 'Y':
      case 'O':
      case 'M':
      case 'C':
        unsupported(std::string("\\") + c);
      default:
        out += {'\\', c};
        return at;
    }
  }

  std::string run() {
    for (size_t i = 0; i < pattern.size(); ++i) {
      const char c = pattern[i];
      if (c == '\\' && i + 1 < pattern.size()) {
        i = escape(i + 1);
        continue;
      }
      if (in_class) {
        const bool posix = c == '[' && i + 1 < pattern.size() && pattern[i + 1] == ':';
        if (posix) {
          const size_t end = pattern.find(":]", i);
          if (end == std::string::npos) unsupported("an open [: class");
          out += pattern.substr(i, end + 2 - i);
          i = end + 1;
          continue;
        }
        if (c == '[') unsupported("a class inside a class");
        if (c == '&' && i + 1 < pattern.size() && pattern[i + 1] == '&') unsupported("&&");
        in_class = c != ']';
      } else {
        in_class = c == '[';
        if (in_class && i + 1 < pattern.size() && pattern[i + 1] == '^') {
          out += c;
          ++i;
          out += '^';
          continue;
        }
      }
      out += c;
    }
    return std::move(out);
  }
};

}  // namespace

std::string pcre2_pattern(const std::string& pattern, const std::string& where) {
  return Translation{pattern, where, {}, false}.run();
}

}  // namespace mpq::text
