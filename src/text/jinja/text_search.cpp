// find, index, count, startswith and endswith, with start and end in code points.
#include "text_search.h"

#include <algorithm>

#include "bound_arguments.h"
#include "operations.h"
#include "python_text.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

// The part of a text from start to end, which may be negative or beyond it.
struct Window {
  std::string_view bytes;
  int64_t start = 0;
  bool is_empty_beyond = false;  // start is behind the end: not even "" is found
};

int64_t bound_or(const BoundArguments& bound, size_t index, int64_t fallback) {
  return bound.has(index) && !bound[index].is_none() ? bound.integer(index, 0) : fallback;
}

size_t byte_offset(std::string_view text, int64_t points) {
  size_t at = 0;
  for (int64_t i = 0; i < points; ++i) next_code_point(text, at);
  return at;
}

Window window_of(const Value& self, const BoundArguments& bound) {
  const std::string_view text = self.as_text();
  const auto size = static_cast<int64_t>(code_point_count(text));
  int64_t start = bound_or(bound, 1, 0), end = bound_or(bound, 2, size);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (end < 0) end = std::max<int64_t>(end + size, 0);
  end = std::min(end, size);
  if (start > end) return {{}, start, true};
  const size_t from = byte_offset(text, start), to = byte_offset(text, end);
  return {text.substr(from, to - from), start, false};
}

template <bool at_begin>
Value has_affix(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, at_begin ? "startswith" : "endswith", {"", "", ""}, 1);
  const Window window = window_of(self, bound);
  const auto matches = [&](const Value& affix) {
    const std::string& text = require_text(affix);
    if (window.is_empty_beyond) return false;
    return at_begin ? window.bytes.starts_with(text) : window.bytes.ends_with(text);
  };
  if (!bound[0].is(Kind::Tuple)) return Value::boolean(matches(bound[0]));
  const auto& affixes = bound[0].items();
  return Value::boolean(std::any_of(affixes.begin(), affixes.end(), matches));
}

}  // namespace

Value count_in_text(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "count", {"", "", ""}, 1);
  const std::string part = bound.text(0, "");
  const Window window = window_of(self, bound);
  if (window.is_empty_beyond) return Value::integer(0);
  if (part.empty()) return Value::integer(static_cast<int64_t>(code_point_count(window.bytes)) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = window.bytes.find(part, at)) != std::string_view::npos; ++count) {
    at += part.size();
  }
  return Value::integer(count);
}

Value starts_with(const Value& self, const Arguments& arguments) {
  return has_affix<true>(self, arguments);
}

Value ends_with(const Value& self, const Arguments& arguments) {
  return has_affix<false>(self, arguments);
}

template <bool from_right, bool must>
Value find_in_text(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "find", {"", "", ""}, 1);
  const std::string part = bound.text(0, "");
  const Window window = window_of(self, bound);
  const size_t at = window.is_empty_beyond ? std::string_view::npos
                    : from_right           ? window.bytes.rfind(part)
                                           : window.bytes.find(part);
  if (at == std::string_view::npos) {
    if (must) raise("substring not found");
    return Value::integer(-1);
  }
  const auto before = static_cast<int64_t>(code_point_count(window.bytes.substr(0, at)));
  return Value::integer(window.start + before);
}

template Value find_in_text<false, false>(const Value&, const Arguments&);
template Value find_in_text<false, true>(const Value&, const Arguments&);
template Value find_in_text<true, false>(const Value&, const Arguments&);
template Value find_in_text<true, true>(const Value&, const Arguments&);

}  // namespace mpq::text::jinja
