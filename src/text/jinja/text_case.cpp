// Upper, lower and title case as Python has them.
#include <utf8proc.h>

#include <cstdlib>
#include <map>

#include "python_text.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

// The letters whose upper case is more than one, each followed by it (SpecialCasing.txt).
constexpr std::u32string_view kLongUpper =
    U"\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 "
    U"\u0587\u0535\u0552 \u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A \u1E99Y\u030A \u1E9AA\u02BE "
    U"\u1F50\u03A5\u0313 \u1F52\u03A5\u0313\u0300 \u1F54\u03A5\u0313\u0301 "
    U"\u1F56\u03A5\u0313\u0342 \u1F80\u1F08\u0399 \u1F81\u1F09\u0399 \u1F82\u1F0A\u0399 "
    U"\u1F83\u1F0B\u0399 \u1F84\u1F0C\u0399 \u1F85\u1F0D\u0399 \u1F86\u1F0E\u0399 "
    U"\u1F87\u1F0F\u0399 \u1F88\u1F08\u0399 \u1F89\u1F09\u0399 \u1F8A\u1F0A\u0399 "
    U"\u1F8B\u1F0B\u0399 \u1F8C\u1F0C\u0399 \u1F8D\u1F0D\u0399 \u1F8E\u1F0E\u0399 "
    U"\u1F8F\u1F0F\u0399 \u1F90\u1F28\u0399 \u1F91\u1F29\u0399 \u1F92\u1F2A\u0399 "
    U"\u1F93\u1F2B\u0399 \u1F94\u1F2C\u0399 \u1F95\u1F2D\u0399 \u1F96\u1F2E\u0399 "
    U"\u1F97\u1F2F\u0399 \u1F98\u1F28\u0399 \u1F99\u1F29\u0399 \u1F9A\u1F2A\u0399 "
    U"\u1F9B\u1F2B\u0399 \u1F9C\u1F2C\u0399 \u1F9D\u1F2D\u0399 \u1F9E\u1F2E\u0399 "
    U"\u1F9F\u1F2F\u0399 \u1FA0\u1F68\u0399 \u1FA1\u1F69\u0399 \u1FA2\u1F6A\u0399 "
    U"\u1FA3\u1F6B\u0399 \u1FA4\u1F6C\u0399 \u1FA5\u1F6D\u0399 \u1FA6\u1F6E\u0399 "
    U"\u1FA7\u1F6F\u0399 \u1FA8\u1F68\u0399 \u1FA9\u1F69\u0399 \u1FAA\u1F6A\u0399 "
    U"\u1FAB\u1F6B\u0399 \u1FAC\u1F6C\u0399 \u1FAD\u1F6D\u0399 \u1FAE\u1F6E\u0399 "
    U"\u1FAF\u1F6F\u0399 \u1FB2\u1FBA\u0399 \u1FB3\u0391\u0399 \u1FB4\u0386\u0399 "
    U"\u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 \u1FC2\u1FCA\u0399 "
    U"\u1FC3\u0397\u0399 \u1FC4\u0389\u0399 \u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 "
    U"\u1FCC\u0397\u0399 \u1FD2\u0399\u0308\u0300 \u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 "
    U"\u1FD7\u0399\u0308\u0342 \u1FE2\u03A5\u0308\u0300 \u1FE3\u03A5\u0308\u0301 "
    U"\u1FE4\u03A1\u0313 \u1FE6\u03A5\u0342 \u1FE7\u03A5\u0308\u0342 \u1FF2\u1FFA\u0399 "
    U"\u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 \u1FF6\u03A9\u0342 \u1FF7\u03A9\u0342\u0399 "
    U"\u1FFC\u03A9\u0399 \uFB00FF \uFB01FI \uFB02FL \uFB03FFI \uFB04FFL \uFB05ST \uFB06ST "
    U"\uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B \uFB16\u054E\u0546 "
    U"\uFB17\u0544\u053D";

std::u32string_view long_upper(char32_t c) {
  static const auto table = [] {
    std::map<char32_t, std::u32string_view> entries;
    for (size_t at = 0; at < kLongUpper.size();) {
      const size_t end = std::min(kLongUpper.find(U' ', at), kLongUpper.size());
      entries[kLongUpper[at]] = kLongUpper.substr(at + 1, end - at - 1);
      at = end + 1;
    }
    return entries;
  }();
  if (c < 0x80) return {};
  const auto found = table.find(c);
  return found == table.end() ? std::u32string_view() : found->second;
}

using Mapping = utf8proc_int32_t (*)(utf8proc_int32_t);

char32_t mapped(Mapping mapping, char32_t c) {
  return static_cast<char32_t>(mapping(static_cast<utf8proc_int32_t>(c)));
}

// Marks and modifiers, which a final sigma looks past.
bool is_case_ignorable(char32_t c) {
  if (c == '\'' || c == '.' || c == ':' || c == '^' || c == '`') return true;
  if (c == 0xB7 || c == 0x2019 || c == 0x2018 || c == 0x2027) return true;
  const auto kind = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME ||
         kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_LM ||
         kind == UTF8PROC_CATEGORY_SK;
}

bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || is_title(c); }

// A sigma behind a letter and not before one.
bool is_final_sigma(std::u32string_view points, size_t at) {
  size_t before = at, after = at + 1;
  while (before > 0 && is_case_ignorable(points[before - 1])) --before;
  while (after < points.size() && is_case_ignorable(points[after])) ++after;
  return before > 0 && is_cased(points[before - 1]) &&
         !(after < points.size() && is_cased(points[after]));
}

void append_lower(std::u32string& out, std::u32string_view points, size_t at) {
  const char32_t c = points[at];
  if (c == 0x130) {
    out += U"i\u0307";  // the only lower case of two
  } else if (c == 0x3A3) {
    out += is_final_sigma(points, at) ? char32_t{0x3C2} : char32_t{0x3C3};
  } else {
    out += mapped(utf8proc_tolower, c);
  }
}

void append_upper(std::u32string& out, char32_t c) {
  const std::u32string_view special = long_upper(c);
  if (special.empty()) {
    out += mapped(utf8proc_toupper, c);
  } else {
    out += special;
  }
}

void append_title(std::u32string& out, char32_t c) {
  const std::u32string_view special = long_upper(c);
  const char32_t title = mapped(utf8proc_totitle, c);
  if (special.empty() || title != c) {
    out += title;
    return;
  }
  out += special[0];
  for (const char32_t rest : special.substr(1)) out += mapped(utf8proc_tolower, rest);
}

}  // namespace

std::string to_upper(std::string_view text) {
  std::u32string out;
  for (const char32_t c : code_points(text)) append_upper(out, c);
  return utf8_of(out);
}

std::string to_lower(std::string_view text) {
  const std::u32string points = code_points(text);
  std::u32string out;
  for (size_t i = 0; i < points.size(); ++i) append_lower(out, points, i);
  return utf8_of(out);
}

std::string to_capitalized(std::string_view text) {
  const std::u32string points = code_points(text);
  std::u32string out;
  if (!points.empty()) append_title(out, points[0]);
  for (size_t i = 1; i < points.size(); ++i) append_lower(out, points, i);
  return utf8_of(out);
}

std::string to_title(std::string_view text) {
  const std::u32string points = code_points(text);
  std::u32string out;
  bool is_inside = false;
  for (size_t i = 0; i < points.size(); ++i) {
    is_inside ? append_lower(out, points, i) : append_title(out, points[i]);
    is_inside = is_cased(points[i]);
  }
  return utf8_of(out);
}

std::string to_swapped_case(std::string_view text) {
  const std::u32string points = code_points(text);
  std::u32string out;
  for (size_t i = 0; i < points.size(); ++i) {
    if (is_upper(points[i])) {
      append_lower(out, points, i);
    } else {
      append_upper(out, points[i]);
    }
  }
  return utf8_of(out);
}

std::string to_folded_case(std::string_view text) {
  utf8proc_uint8_t* bytes = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &bytes, UTF8PROC_CASEFOLD);
  if (size < 0) return to_lower(text);
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  std::free(bytes);
  return out;
}

}  // namespace mpq::text::jinja
