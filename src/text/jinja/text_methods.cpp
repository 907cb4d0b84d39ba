// The methods of str.
#include <algorithm>
#include <limits>

#include "bound_arguments.h"
#include "budget.h"
#include "methods.h"
#include "operations.h"
#include "python_text.h"
#include "text_search.h"

namespace mpq::text::jinja {
namespace {

// Markup stays markup.
Value like(const Value& self, std::string text) {
  return Value::text(std::move(text), self.is_markup());
}

std::string as_argument(const Value& self, const std::string& text, bool is_markup = false) {
  return self.is_markup() && !is_markup ? html_escaped(text) : text;
}

Value list_like(const Value& self, const std::vector<std::string>& parts) {
  std::vector<Value> items;
  for (const std::string& part : parts) items.push_back(like(self, part));
  Budget::spend_bytes(self.as_text().size());
  return Value::list(std::move(items));
}

void require_none(const Arguments& arguments, const char* name) {
  const BoundArguments bound(arguments, name, {});
}

template <std::string (*function)(std::string_view)>
Value changed(const Value& self, const Arguments& arguments) {
  require_none(arguments, "str method");
  return like(self, function(self.as_text()));
}

template <bool at_begin, bool at_end>
Value strip(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "strip", {""});
  return like(self, stripped(self.as_text(), bound.optional_text(0), at_begin, at_end));
}

template <bool from_right>
Value split(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "split", {"sep", "maxsplit"});
  const auto separator = bound.optional_text(0);
  if (separator && separator->empty()) raise("empty separator");
  return list_like(self, split_text(self.as_text(), separator, bound.integer(1, -1), from_right));
}

Value splitlines(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "splitlines", {"keepends"});
  return list_like(self, split_lines(self.as_text(), bound.integer(0, 0) != 0));
}

template <bool from_right>
Value partition(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "partition", {""}, 1);
  const std::string& text = self.as_text();
  const std::string separator = bound.text(0, "");
  if (separator.empty()) raise("empty separator");
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  std::vector<std::string> parts = {text, "", ""};
  if (at != std::string::npos) {
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  } else if (from_right) {
    std::swap(parts[0], parts[2]);
  }
  return Value::tuple(list_like(self, parts).items());
}

Value replace(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "replace", {"", "", ""}, 2);
  const std::string old = bound.text(0, ""), fresh = bound.text(1, "");
  return like(self, replaced(self.as_text(), as_argument(self, old, bound[0].is_markup()),
                             as_argument(self, fresh, bound[1].is_markup()), bound.integer(2, -1)));
}

Value join(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "join", {""}, 1);
  std::string out;
  bool is_first = true;
  for (const Value& item : items_of(bound[0])) {
    if (!item.is_text()) {
      raise("sequence item: expected str instance, {} found", type_name(item));
    }
    if (!is_first) out += self.as_text();
    out += as_argument(self, item.as_text(), item.is_markup());
    require_text_size(out.size());
    is_first = false;
  }
  return like(self, std::move(out));
}

template <bool from_left>
Value without_affix(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "removeprefix", {""}, 1);
  const std::string& text = self.as_text();
  const std::string affix = bound.text(0, "");
  if (from_left && text.starts_with(affix)) return like(self, text.substr(affix.size()));
  if (!from_left && text.ends_with(affix)) {
    return like(self, text.substr(0, text.size() - affix.size()));
  }
  return self;
}

enum class Side { Left, Right, Both };

template <Side side>
Value padded(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "center", {"", ""}, 1);
  const std::string fill = bound.text(1, " ");
  if (code_point_count(fill) != 1) raise("the fill character must be exactly one character long");
  const auto length = static_cast<int64_t>(code_point_count(self.as_text()));
  const int64_t width = bound.integer(0, 0);
  if (width <= length) return self;
  const int64_t total = width - length;
  require_text_size(static_cast<size_t>(total) * fill.size());
  int64_t left = side == Side::Left ? 0 : total;
  if (side == Side::Both) left = total / 2 + (total & width & 1);  // as CPython rounds
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += self.as_text();
  for (int64_t i = left; i < total; ++i) out += fill;
  return like(self, std::move(out));
}

Value zero_filled(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "zfill", {""}, 1);
  const std::string& text = self.as_text();
  const auto length = static_cast<int64_t>(code_point_count(text));
  if (bound.integer(0, 0) <= length) return self;
  const int64_t missing = bound.integer(0, 0) - length;
  require_text_size(static_cast<size_t>(missing));
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  return like(self, text.substr(0, sign) + std::string(static_cast<size_t>(missing), '0') +
                        text.substr(sign));
}

Value expand_tabs(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "expandtabs", {"tabsize"});
  const int64_t size = bound.integer(0, 8);
  std::u32string out;
  int64_t column = 0;
  for (const char32_t c : code_points(self.as_text())) {
    if (c == '\t') {
      const int64_t count = size > 0 ? size - column % size : 0;
      require_text_size(out.size() + static_cast<size_t>(count));
      out.append(static_cast<size_t>(count), U' ');
      column += count;
    } else {
      out += c;
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return like(self, utf8_of(out));
}

// All code points are of the class and there is one.
template <bool (*predicate)(char32_t)>
Value all_are(const Value& self, const Arguments& arguments) {
  require_none(arguments, "str method");
  const std::u32string points = code_points(self.as_text());
  return Value::boolean(!points.empty() && std::all_of(points.begin(), points.end(), predicate));
}

// Cased code points are of the class, and there is one.
template <bool upper>
Value is_cased_as(const Value& self, const Arguments& arguments) {
  require_none(arguments, "str method");
  bool found = false;
  for (const char32_t c : code_points(self.as_text())) {
    if (is_title(c) || (upper ? is_lower(c) : is_upper(c))) return Value::boolean(false);
    found = found || (upper ? is_upper(c) : is_lower(c));
  }
  return Value::boolean(found);
}

Value is_titled(const Value& self, const Arguments& arguments) {
  require_none(arguments, "istitle");
  bool found = false, inside = false;
  for (const char32_t c : code_points(self.as_text())) {
    const bool begins = is_upper(c) || is_title(c);
    if (inside ? begins : is_lower(c)) return Value::boolean(false);
    inside = begins || is_lower(c);
    found = found || inside;
  }
  return Value::boolean(found);
}

Value is_ascii(const Value& self, const Arguments& arguments) {
  require_none(arguments, "isascii");
  const std::string& text = self.as_text();
  return Value::boolean(std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<signed char>(c) >= 0; }));
}

Value is_printable_text(const Value& self, const Arguments& arguments) {
  const bool is_empty = self.as_text().empty();
  return is_empty ? Value::boolean(true) : all_are<is_printable>(self, arguments);
}

Value is_name(const Value& self, const Arguments& arguments) {
  require_none(arguments, "isidentifier");
  return Value::boolean(is_identifier(self.as_text()));
}

Value refused(const Value& self, const Arguments& arguments) {
  fail(ErrorCode::Unsupported, "bytes and translation tables are not supported");
}

}  // namespace

const Methods& text_methods() {
  static const Methods methods = {
      {"capitalize", changed<to_capitalized>},
      {"casefold", changed<to_folded_case>},
      {"center", padded<Side::Both>},
      {"count", count_in_text},
      {"encode", refused},
      {"endswith", ends_with},
      {"expandtabs", expand_tabs},
      {"find", find_in_text<false, false>},
      {"format", format_text},
      {"format_map", format_text_map},
      {"index", find_in_text<false, true>},
      {"isalnum", all_are<is_alnum>},
      {"isalpha", all_are<is_alpha>},
      {"isascii", is_ascii},
      {"isdecimal", all_are<is_decimal>},
      {"isdigit", all_are<is_digit>},
      {"isidentifier", is_name},
      {"islower", is_cased_as<false>},
      {"isnumeric", all_are<is_numeric_point>},
      {"isprintable", is_printable_text},
      {"isspace", all_are<is_space>},
      {"istitle", is_titled},
      {"isupper", is_cased_as<true>},
      {"join", join},
      {"ljust", padded<Side::Left>},
      {"lower", changed<to_lower>},
      {"lstrip", strip<true, false>},
      {"maketrans", refused},
      {"partition", partition<false>},
      {"removeprefix", without_affix<true>},
      {"removesuffix", without_affix<false>},
      {"replace", replace},
      {"rfind", find_in_text<true, false>},
      {"rindex", find_in_text<true, true>},
      {"rjust", padded<Side::Right>},
      {"rpartition", partition<true>},
      {"rsplit", split<true>},
      {"rstrip", strip<false, true>},
      {"split", split<false>},
      {"splitlines", splitlines},
      {"startswith", starts_with},
      {"strip", strip<true, true>},
      {"swapcase", changed<to_swapped_case>},
      {"title", changed<to_title>},
      {"translate", refused},
      {"upper", changed<to_upper>},
      {"zfill", zero_filled},
  };
  return methods;
}

}  // namespace mpq::text::jinja
