// Filters that compare items: sort, unique, min, max, groupby and dictsort.
#include <set>

#include "bound_arguments.h"
#include "dict.h"
#include "filters.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

Value folded(const Value& value, bool case_sensitive) {
  return value.is_text() && !case_sensitive ? Value::text(to_lower(value.as_text())) : value;
}

// Pairs of a key and an item, in the order of their keys.
std::vector<Value> sorted_pairs(const std::vector<Value>& items,
                                const std::function<Value(const Value&)>& key, bool reverse) {
  std::vector<Value> pairs;
  for (const Value& item : items) pairs.push_back(Value::tuple({key(item), item}));
  sort_values(pairs, [reverse](const Value& a, const Value& b) {
    return reverse ? is_less(b.items()[0], a.items()[0]) : is_less(a.items()[0], b.items()[0]);
  });
  return pairs;
}

std::vector<Value> second_of(const std::vector<Value>& pairs) {
  std::vector<Value> items;
  for (const Value& pair : pairs) items.push_back(pair.items()[1]);
  return items;
}

Value sort(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "sort", {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = bound.truth(1, false);
  const Value attribute = bound.value_or(2, Value::none());
  std::vector<AttributePath> paths;
  if (attribute.is_text()) {
    for (const std::string& path : split_text(attribute.as_text(), ",", -1, false)) {
      paths.emplace_back(Value::text(path));
    }
  } else {
    paths.emplace_back(attribute);
  }
  const auto key = [&](const Value& item) {
    std::vector<Value> parts;
    for (const AttributePath& path : paths) {
      parts.push_back(folded(path.of(item), case_sensitive));
    }
    return Value::list(std::move(parts));
  };
  return Value::list(second_of(sorted_pairs(items_of(subject), key, bound.integer(0, 0) != 0)));
}

Value unique(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "unique", {"case_sensitive", "attribute"});
  const bool case_sensitive = bound.truth(0, false);
  const AttributePath path(bound.value_or(1, Value::none()));
  return generator_value(
      "generator",
      [subject, path, case_sensitive, next = std::function<bool(Value&)>(),
       seen = std::set<std::string>()](Value& item) mutable {
        if (!next) next = iterate(subject).next;
        while (next(item)) {
          if (seen.insert(hash_key(folded(path.of(item), case_sensitive))).second) return true;
        }
        return false;
      },
      subject.depth() + 1);
}

template <bool largest>
Value extreme(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, largest ? "max" : "min", {"case_sensitive", "attribute"});
  const bool case_sensitive = bound.truth(0, false);
  const Iteration iteration = iterate(subject);
  Value best;
  if (!iteration.next(best)) return Value::undefined("No aggregated item, sequence was empty.");
  const AttributePath path(bound.value_or(1, Value::none()));
  Value best_key = folded(path.of(best), case_sensitive);
  for (Value item; iteration.next(item);) {
    const Value key = folded(path.of(item), case_sensitive);
    if (largest ? compare(">", key, best_key) : is_less(key, best_key)) {
      best = item;
      best_key = key;
    }
  }
  return best;
}

Value group_by(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "groupby", {"attribute", "default", "case_sensitive"}, 1);
  const AttributePath path(bound[0]);
  const Value fallback = bound.value_or(1, Value::none());
  const bool case_sensitive = bound.truth(2, false);
  const auto key = [&](const Value& item) {
    return folded(path.of(item, fallback), case_sensitive);
  };
  const auto pairs = sorted_pairs(items_of(subject), key, false);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < pairs.size();) {
    size_t end = begin + 1;
    const Value& group_key = pairs[begin].items()[0];
    while (end < pairs.size() && equals(pairs[end].items()[0], group_key)) ++end;
    const std::vector<Value> part(pairs.begin() + static_cast<ptrdiff_t>(begin),
                                  pairs.begin() + static_cast<ptrdiff_t>(end));
    const auto members = second_of(part);
    groups.push_back(Value::group(case_sensitive ? group_key : path.of(members[0], fallback),
                                  Value::list(members)));
    begin = end;
  }
  return Value::list(std::move(groups));
}

Value dict_sort(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "dictsort", {"case_sensitive", "by", "reverse"});
  const bool case_sensitive = bound.truth(0, false);
  const std::string by = bound.text(1, "key");
  if (by != "key" && by != "value") raise("You can only sort by either \"key\" or \"value\"");
  if (subject.is_undefined()) raise("{}", subject.reason());
  if (!subject.is(Kind::Dict)) raise("'{}' object has no attribute 'items'", type_name(subject));
  std::vector<Value> entries;
  for (const auto& [key, value] : subject.as_dict().entries()) {
    entries.push_back(Value::tuple({key, value}));
  }
  const auto key = [&](const Value& entry) {
    return folded(entry.items()[by == "key" ? 0 : 1], case_sensitive);
  };
  return Value::list(second_of(sorted_pairs(entries, key, bound.integer(2, 0) != 0)));
}

}  // namespace

const Filters& order_filters() {
  static const Filters filters = {{"dictsort", dict_sort}, {"groupby", group_by},
                                  {"max", extreme<true>},  {"min", extreme<false>},
                                  {"sort", sort},          {"unique", unique}};
  return filters;
}

}  // namespace mpq::text::jinja
