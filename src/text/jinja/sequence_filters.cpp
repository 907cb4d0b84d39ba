// Filters of sequences and mappings.
#include <algorithm>

#include "bound_arguments.h"
#include "budget.h"
#include "dict.h"
#include "filters.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

Value default_value(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "default", {"default_value", "boolean"});
  const bool is_missing = subject.is_undefined() || (bound.truth(1, false) && !is_true(subject));
  return is_missing ? bound.value_or(0, Value::text("")) : subject;
}

Value length(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "length", {});
  return Value::integer(length_of(subject));
}

Value first(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "first", {});
  Value item;
  return iterate(subject).next(item) ? item
                                     : Value::undefined("No first item, sequence was empty.");
}

Value last(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "last", {});
  const auto items = reversed_items(subject);
  if (!items) raise("'{}' object is not reversible", type_name(subject));
  return items->empty() ? Value::undefined("No last item, sequence was empty.") : items->front();
}

Value list(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "list", {});
  return Value::list(items_of(subject));
}

Value reverse(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "reverse", {});
  if (subject.is_text()) {
    std::u32string points = code_points(subject.as_text());
    std::reverse(points.begin(), points.end());
    return Value::text(utf8_of(points), subject.is_markup());
  }
  if (auto items = reversed_items(subject)) {
    return generator_value("list_reverseiterator", std::move(*items));
  }
  if (!try_iterate(subject)) raise("argument must be iterable");
  auto items = items_of(subject);
  std::reverse(items.begin(), items.end());
  return Value::list(std::move(items));
}

Value join(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "join", {"d", "attribute"});
  const std::string separator = to_text(bound.value_or(0, Value::text("")));
  const AttributePath path(bound.value_or(1, Value::none()));
  const Iteration iteration = iterate(subject);
  std::string out;
  bool is_first = true;
  for (Value item; iteration.next(item); is_first = false) {
    if (!is_first) out += separator;
    out += to_text(path.of(item));
    require_text_size(out.size());
    Budget::spend_steps(1);
  }
  return Value::text(std::move(out));
}

Value items(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "items", {});
  return generator_value(
      "generator",
      [subject, at = size_t{0}](Value& item) mutable {
        if (subject.is_undefined()) return false;
        if (!subject.is(Kind::Dict)) raise("Can only get item pairs from a mapping.");
        const auto& entries = subject.as_dict().entries();
        if (at == entries.size()) return false;
        item = Value::tuple({entries[at].first, entries[at].second});
        ++at;
        return true;
      },
      subject.depth() + 1);
}

Value batch(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "batch", {"linecount", "fill_with"}, 1);
  const Value fill = bound.value_or(1, Value::none());
  const Value count = bound[0];
  std::vector<Value> rows;
  std::vector<Value> row;
  for (const Value& item : items_of(subject)) {
    if (equals(Value::integer(static_cast<int64_t>(row.size())), count)) {
      rows.push_back(Value::list(std::exchange(row, {})));
    }
    row.push_back(item);
  }
  if (!row.empty() && !fill.is_none()) {
    const auto size = static_cast<int64_t>(row.size());
    const int64_t missing = std::max(require_integer(count), size) - size;
    require_item_count(static_cast<size_t>(std::max<int64_t>(missing, 0)));
    for (int64_t i = 0; i < missing; ++i) row.push_back(fill);
  }
  if (!row.empty()) rows.push_back(Value::list(std::move(row)));
  return generator_value("generator", std::move(rows));
}

Value slice(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "slice", {"slices", "fill_with"}, 1);
  const Value fill = bound.value_or(1, Value::none());
  const int64_t count = bound.integer(0, 1);
  const auto items = items_of(subject);
  if (count == 0) raise("integer division or modulo by zero");
  require_item_count(static_cast<size_t>(std::max<int64_t>(count, 0)));
  const auto size = static_cast<int64_t>(items.size());
  std::vector<Value> slices;
  int64_t begin = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t end = begin + size / count + (i < size % count ? 1 : 0);
    std::vector<Value> part(items.begin() + begin, items.begin() + end);
    if (!fill.is_none() && i >= size % count) part.push_back(fill);
    slices.push_back(Value::list(std::move(part)));
    begin = end;
  }
  return generator_value("generator", std::move(slices));
}

Value attribute(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "attr", {"name"}, 1);
  const std::string& name = require_text(bound[0]);
  if (subject.is_undefined()) raise("{}", subject.reason());
  const auto own = own_attribute(subject, name);
  return own ? *own
             : Value::undefined(
                   fmt::format("'{} object' has no attribute '{}'", type_name(subject), name));
}

Value sum(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "sum", {"attribute", "start"});
  const AttributePath path(bound.value_or(0, Value::none()));
  Value total = bound.value_or(1, Value::integer(0));
  if (total.is_text()) raise("sum() can't sum strings [use ''.join(seq) instead]");
  const Iteration iteration = iterate(subject);
  for (Value item; iteration.next(item);) total = arithmetic("+", total, path.of(item));
  return total;
}

}  // namespace

const Filters& sequence_filters() {
  static const Filters filters = {{"attr", attribute},
                                  {"batch", batch},
                                  {"count", length},
                                  {"d", default_value},
                                  {"default", default_value},
                                  {"first", first},
                                  {"items", items},
                                  {"join", join},
                                  {"last", last},
                                  {"length", length},
                                  {"list", list},
                                  {"reverse", reverse},
                                  {"slice", slice},
                                  {"sum", sum}};
  return filters;
}

}  // namespace mpq::text::jinja
