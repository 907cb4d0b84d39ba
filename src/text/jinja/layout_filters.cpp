// Indenting lines and cutting texts short.
#include "layout_filters.h"

#include "bound_arguments.h"
#include "budget.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {

Value indent_text(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "indent", {"width", "first", "blank"});
  std::string indention;
  if (const Value width = bound.value_or(0, Value::integer(4)); width.is_text()) {
    indention = width.as_text();
  } else {
    const int64_t count = std::max<int64_t>(require_integer(width), 0);
    require_text_size(static_cast<size_t>(count));
    indention = std::string(static_cast<size_t>(count), ' ');
  }
  if (subject.is_undefined()) raise("{}", subject.reason());
  if (subject.is_markup()) indention = html_escaped(indention);
  const bool blank = bound.truth(2, false);
  std::string out = bound.truth(1, false) ? indention : "";
  bool is_first = true;
  for (const std::string& line : split_lines(require_text(subject) + "\n", false)) {
    if (!is_first) out += "\n";
    if (!is_first && (blank || !line.empty())) out += indention;
    out += line;
    require_text_size(out.size());
    is_first = false;
  }
  return Value::text(std::move(out), subject.is_markup());
}

Value truncate_text(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "truncate", {"length", "killwords", "end", "leeway"});
  const int64_t length = bound.integer(0, 255);
  const std::string end = bound.text(2, "...");
  const int64_t leeway = bound.has(3) && !bound[3].is_none() ? bound.integer(3, 5) : 5;
  const auto end_size = static_cast<int64_t>(code_point_count(end));
  if (length < end_size) raise("expected length >= {}, got {}", end_size, length);
  if (leeway < 0) raise("expected leeway >= 0, got {}", leeway);
  const int64_t size = length_of(subject);
  if (size <= length || size - length <= leeway) return subject;
  const std::u32string points = code_points(require_text(subject));
  std::string cut =
      utf8_of(std::u32string_view(points).substr(0, static_cast<size_t>(length - end_size)));
  if (!bound.truth(1, false)) cut = split_text(cut, " ", 1, true).front();
  return Value::text(cut + end, subject.is_markup());
}

}  // namespace mpq::text::jinja
