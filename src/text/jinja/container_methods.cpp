// The methods of list, tuple, dict and numbers that change nothing.
#include <algorithm>
#include <cmath>

#include "bound_arguments.h"
#include "dict.h"
#include "methods.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

bool matches(const Value& item, const Value& wanted) {
  return item.is_same(wanted) || equals(item, wanted);
}

Value count_items(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "count", {""}, 1);
  const auto& items = self.items();
  return Value::integer(std::count_if(items.begin(), items.end(),
                                      [&](const Value& item) { return matches(item, bound[0]); }));
}

Value index_of_item(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "index", {"", "", ""}, 1);
  const auto size = static_cast<int64_t>(self.items().size());
  const auto place = [&](size_t index, int64_t fallback) {
    int64_t at = bound.integer(index, fallback);
    if (at < 0) at = std::max<int64_t>(at + size, 0);
    return std::min(at, size);
  };
  for (int64_t at = place(1, 0), end = place(2, size); at < end; ++at) {
    if (matches(self.items()[static_cast<size_t>(at)], bound[0])) return Value::integer(at);
  }
  raise("{} is not in {}", to_repr(bound[0]), type_name(self));
}

Value copied(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "copy", {});
  if (self.is(Kind::Dict)) return Value::dict(self.as_dict());
  return Value::list(self.items());
}

Value get_member(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "get", {"", ""}, 1);
  const Value* found = self.as_dict().find(bound[0]);
  return found ? *found : bound.value_or(1, Value::none());
}

template <DictView::Part part>
Value view(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "items", {});
  return Value::object(std::make_shared<DictView>(self, part));
}

Value from_keys(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "fromkeys", {"", ""}, 1);
  Dict dict;
  for (const Value& key : items_of(bound[0])) dict.set(key, bound.value_or(1, Value::none()));
  return Value::dict(std::move(dict));
}

Value is_whole(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "is_integer", {});
  if (!self.is(Kind::Float)) raise("'int' object has no attribute 'is_integer'");
  return Value::boolean(std::floor(self.as_number()) == self.as_number());
}

Value bit_length(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "bit_length", {});
  if (self.is(Kind::Float)) raise("'float' object has no attribute 'bit_length'");
  const int64_t value = self.as_integer();
  auto rest = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  int64_t bits = 0;
  for (; rest != 0; rest >>= 1) ++bits;
  return Value::integer(bits);
}

Value conjugate(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "conjugate", {});
  return positive(self);
}

}  // namespace

const Methods& list_methods() {
  static const Methods methods = {
      {"copy", copied}, {"count", count_items}, {"index", index_of_item}};
  return methods;
}

const Methods& tuple_methods() {
  static const Methods methods = {{"count", count_items}, {"index", index_of_item}};
  return methods;
}

const Methods& dict_methods() {
  static const Methods methods = {{"copy", copied},
                                  {"fromkeys", from_keys},
                                  {"get", get_member},
                                  {"items", view<DictView::Part::Items>},
                                  {"keys", view<DictView::Part::Keys>},
                                  {"values", view<DictView::Part::Values>}};
  return methods;
}

const Methods& number_methods() {
  static const Methods methods = {
      {"bit_length", bit_length}, {"conjugate", conjugate}, {"is_integer", is_whole}};
  return methods;
}

}  // namespace mpq::text::jinja
