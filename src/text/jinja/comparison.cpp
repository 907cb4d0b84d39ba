// ==, < and a sort by them.
#include <algorithm>
#include <cmath>

#include "budget.h"
#include "dict.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

bool same_or_equal(const Value& left, const Value& right) {
  return left.is_same(right) || equals(left, right);
}

bool dicts_equal(const Dict& left, const Dict& right) {
  if (left.size() != right.size()) return false;
  for (const auto& [key, value] : left.entries()) {
    const Value* other = right.find(key);
    if (!other || !same_or_equal(value, *other)) return false;
  }
  return true;
}

bool items_equal(const std::vector<Value>& left, const std::vector<Value>& right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), same_or_equal);
}

bool objects_equal(const Value& left, const Value& right) {
  if (left.is_same(right)) return true;
  const auto *a = left.object_as<Range>(), *b = right.object_as<Range>();
  const auto *c = left.object_as<DictView>(), *d = right.object_as<DictView>();
  if (a && b) return items_equal(items_of(left), items_of(right));
  if (!c || !d || c->part() == DictView::Part::Values || c->part() != d->part()) return false;
  const auto ours = c->items();
  return ours.size() == d->items().size() &&
         std::all_of(ours.begin(), ours.end(), [&](auto& item) { return contains(right, item); });
}

bool numbers_less(const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) return left.as_integer() < right.as_integer();
  const auto wide = [](const Value& value) {
    return value.is(Kind::Float) ? static_cast<long double>(value.as_number())
                                 : static_cast<long double>(value.as_integer());
  };
  return wide(left) < wide(right);
}

[[noreturn]] void unordered(const char* operation, const Value& left, const Value& right) {
  for (const Value* value : {&left, &right}) {
    if (value->is_undefined()) raise("{}", value->reason());
  }
  raise("'{}' not supported between instances of '{}' and '{}'", operation, type_name(left),
        type_name(right));
}

bool less(const char* operation, const Value& left, const Value& right, bool or_equal) {
  Budget::spend_steps(1);
  if (left.is_numeric() && right.is_numeric()) {
    return numbers_less(left, right) || (or_equal && equals(left, right));
  }
  if (left.is_text() && right.is_text()) {
    const int order = left.as_text().compare(right.as_text());  // UTF-8 keeps the order of points
    return order < 0 || (or_equal && order == 0);
  }
  if (!left.is_sequence() || left.kind() != right.kind()) unordered(operation, left, right);
  const auto &a = left.items(), &b = right.items();
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!same_or_equal(a[i], b[i])) return less(operation, a[i], b[i], or_equal);
  }
  return or_equal ? a.size() <= b.size() : a.size() < b.size();
}

void merge_sort(std::vector<Value>& values, std::vector<Value>& scratch, size_t begin, size_t end,
                const std::function<bool(const Value&, const Value&)>& precedes) {
  if (end - begin < 2) return;
  const size_t middle = begin + (end - begin) / 2;
  merge_sort(values, scratch, begin, middle, precedes);
  merge_sort(values, scratch, middle, end, precedes);
  size_t left = begin, right = middle;
  for (size_t out = begin; out < end; ++out) {
    const bool takes_right =
        left == middle || (right < end && precedes(values[right], values[left]));
    scratch[out] = std::move(values[takes_right ? right++ : left++]);
  }
  std::move(scratch.begin() + static_cast<ptrdiff_t>(begin),
            scratch.begin() + static_cast<ptrdiff_t>(end),
            values.begin() + static_cast<ptrdiff_t>(begin));
}

}  // namespace

bool equals(const Value& left, const Value& right) {
  Budget::spend_steps(1);
  if (left.is_numeric() && right.is_numeric()) {
    return !numbers_less(left, right) && !numbers_less(right, left) &&
           !std::isnan(left.as_number()) && !std::isnan(right.as_number());
  }
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::Undefined:
    case Kind::None:
      return true;
    case Kind::Text:
      return left.as_text() == right.as_text();
    case Kind::List:
    case Kind::Tuple:
      return items_equal(left.items(), right.items());
    case Kind::Dict:
      return dicts_equal(left.as_dict(), right.as_dict());
    default:
      return objects_equal(left, right);
  }
}

bool is_less(const Value& left, const Value& right) { return less("<", left, right, false); }

bool compare(const std::string& operation, const Value& left, const Value& right) {
  if (operation == "==") return equals(left, right);
  if (operation == "!=") return !equals(left, right);
  const bool or_equal = operation.size() == 2;
  if (operation[0] == '<') return less(operation.c_str(), left, right, or_equal);
  // The message names the operands in the order they stand in.
  const bool ordered = (left.is_numeric() && right.is_numeric()) ||
                       ((left.is_text() || left.is_sequence()) && left.kind() == right.kind());
  if (!ordered) unordered(operation.c_str(), left, right);
  return less(operation.c_str(), right, left, or_equal);
}

void sort_values(std::vector<Value>& values,
                 const std::function<bool(const Value&, const Value&)>& precedes) {
  std::vector<Value> scratch(values.size());
  merge_sort(values, scratch, 0, values.size(), precedes);
}

}  // namespace mpq::text::jinja
