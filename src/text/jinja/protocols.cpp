// len(), iter(), bool(), `in` and slices.
#include <algorithm>
#include <limits>

#include "budget.h"
#include "dict.h"
#include "operations.h"
#include "python_text.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

Iteration over_items(const Value& owner, const std::vector<Value>& items) {
  const auto next = [owner, &items, at = size_t{0}](Value& item) mutable {
    if (at >= items.size()) return false;
    item = items[at++];
    return true;
  };
  return {next, static_cast<int64_t>(items.size())};
}

Iteration over_text(const Value& text) {
  const auto next = [text, at = size_t{0}](Value& item) mutable {
    const std::string& bytes = text.as_text();
    if (at == bytes.size()) return false;
    const size_t begin = at;
    next_code_point(bytes, at);
    item = Value::text(bytes.substr(begin, at - begin));
    return true;
  };
  return {next, static_cast<int64_t>(code_point_count(text.as_text()))};
}

Iteration over_keys(const Value& dict) {
  const auto next = [dict, at = size_t{0}](Value& item) mutable {
    const auto& entries = dict.as_dict().entries();
    if (at == entries.size()) return false;
    item = entries[at++].first;
    return true;
  };
  return {next, static_cast<int64_t>(dict.as_dict().size())};
}

// The bound of a slice as Python's slice.indices() has it.
int64_t slice_bound(const Value& bound, int64_t fallback, int64_t size, int64_t step) {
  if (bound.is_none()) return fallback;
  if (!bound.is_integral()) raise("slice indices must be integers or None");
  int64_t at = bound.as_integer();
  if (at < 0) at += size;
  return std::clamp<int64_t>(at, step < 0 ? -1 : 0, step < 0 ? size - 1 : size);
}

std::vector<int64_t> slice_indices(int64_t size, const Value& start, const Value& stop,
                                   const Value& step_value) {
  if (!step_value.is_none() && !step_value.is_integral()) {
    raise("slice indices must be integers or None");
  }
  const int64_t step = step_value.is_none() ? 1 : step_value.as_integer();
  if (step == 0) raise("slice step cannot be zero");
  const int64_t first = slice_bound(start, step < 0 ? size - 1 : 0, size, step);
  const int64_t last = slice_bound(stop, step < 0 ? -1 : size, size, step);
  std::vector<int64_t> indices;
  if (step > size || step < -size) {  // no second step, and none that overflows
    if (step > 0 ? first < last : first > last) indices.push_back(first);
    return indices;
  }
  for (int64_t at = first; step > 0 ? at < last : at > last; at += step) indices.push_back(at);
  return indices;
}

Value text_slice(const Value& value, const Value& start, const Value& stop, const Value& step) {
  const std::u32string points = code_points(value.as_text());
  std::string out;
  for (const int64_t at : slice_indices(static_cast<int64_t>(points.size()), start, stop, step)) {
    append_utf8(out, points[static_cast<size_t>(at)]);
  }
  Budget::spend_bytes(value.as_text().size());
  return Value::text(std::move(out), value.is_markup());
}

Value range_slice(const Range& range, const Value& start, const Value& stop, const Value& step) {
  slice_indices(range.size(), start, stop, step);  // what is no slice throws
  const int64_t stride = step.is_none() ? 1 : step.as_integer(), size = range.size();
  const int64_t first = slice_bound(start, stride < 0 ? size - 1 : 0, size, stride);
  const int64_t last = slice_bound(stop, stride < 0 ? -1 : size, size, stride);
  int64_t pace = 0;
  const bool overflows = __builtin_mul_overflow(range.step(), stride, &pace);
  checked(overflows, pace);
  return Value::object(std::make_shared<Range>(range.at(first), range.at(last), pace));
}

}  // namespace

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Kind::Undefined:
    case Kind::None:
      return false;
    case Kind::Bool:
    case Kind::Int:
      return value.as_integer() != 0;
    case Kind::Float:
      return value.as_number() != 0;
    case Kind::Text:
      return !value.as_text().empty();
    case Kind::List:
    case Kind::Tuple:
      return !value.items().empty();
    case Kind::Dict:
      return value.as_dict().size() > 0;
    case Kind::Object:
      break;
  }
  if (const auto* range = value.object_as<Range>()) return range->size() > 0;
  if (const auto* view = value.object_as<DictView>()) return is_true(view->dict());
  return true;
}

int64_t length_of(const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is(Kind::Dict)) return static_cast<int64_t>(value.as_dict().size());
  if (value.is_sequence()) return static_cast<int64_t>(value.items().size());
  if (value.is_text()) return static_cast<int64_t>(code_point_count(value.as_text()));
  if (value.is(Kind::Object)) {
    if (value.as_object().type() == "LoopContext")
      return value.as_object().attribute("length")->as_integer();
    const auto iteration = value.as_object().iterate();
    if (iteration && iteration->length) return *iteration->length;
  }
  raise("object of type '{}' has no len()", type_name(value));
}

std::optional<Iteration> try_iterate(const Value& value) {
  switch (value.kind()) {
    case Kind::Undefined:
      return Iteration{[](Value&) { return false; }, 0};
    case Kind::Text:
      return over_text(value);
    case Kind::List:
    case Kind::Tuple:
      return over_items(value, value.items());
    case Kind::Dict:
      return over_keys(value);
    case Kind::Object: {
      auto iteration = value.as_object().iterate();
      if (!iteration) return std::nullopt;
      // The object lives as long as the pass over it.
      return Iteration{[owner = value, next = std::move(iteration->next)](Value& item) mutable {
                         return next(item);
                       },
                       iteration->length};
    }
    default:
      return std::nullopt;
  }
}

Iteration iterate(const Value& value) {
  auto iteration = try_iterate(value);
  if (!iteration) raise("'{}' object is not iterable", type_name(value));
  return std::move(*iteration);
}

std::vector<Value> items_of(const Value& value) {
  if (value.is_sequence()) {
    Budget::spend_bytes(value.items().size() * sizeof(Value));
    return value.items();
  }
  const Iteration iteration = iterate(value);
  std::vector<Value> items;
  for (Value item; iteration.next(item);) {
    items.push_back(item);
    require_item_count(items.size());
    Budget::spend_steps(1);
    Budget::spend_bytes(sizeof(Value));
  }
  return items;
}

std::optional<std::vector<Value>> reversed_items(const Value& value) {
  const bool has_order = value.is(Kind::Object)
                             ? value.object_as<Range>() || value.object_as<DictView>()
                             : try_iterate(value).has_value();
  if (!has_order) return std::nullopt;
  auto items = items_of(value);
  std::reverse(items.begin(), items.end());
  return items;
}

bool contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) {
      raise("'in <string>' requires string as left operand, not {}", type_name(item));
    }
    return container.as_text().find(item.as_text()) != std::string::npos;
  }
  if (container.is(Kind::Dict)) return container.as_dict().find(item) != nullptr;
  if (const auto* view = container.object_as<DictView>()) {
    if (view->part() == DictView::Part::Keys) return view->dict().as_dict().find(item) != nullptr;
  }
  auto iteration = try_iterate(container);
  if (!iteration) raise("argument of type '{}' is not iterable", type_name(container));
  for (Value candidate; iteration->next(candidate);) {
    Budget::spend_steps(1);
    if (candidate.is_same(item) || equals(candidate, item)) return true;
  }
  return false;
}

Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.is_undefined()) raise("{}", value.reason());
  if (value.is_text()) return text_slice(value, start, stop, step);
  if (value.is(Kind::Dict)) raise("unhashable type: 'slice'");
  if (const auto* range = value.object_as<Range>()) return range_slice(*range, start, stop, step);
  if (!value.is_sequence()) raise("'{}' object is not subscriptable", type_name(value));
  std::vector<Value> items;
  for (const int64_t at :
       slice_indices(static_cast<int64_t>(value.items().size()), start, stop, step)) {
    items.push_back(value.items()[static_cast<size_t>(at)]);
  }
  Budget::spend_bytes(items.size() * sizeof(Value));
  return value.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

}  // namespace mpq::text::jinja
