// map, select and reject: generators that apply a filter or a test to what passes.
#include "bound_arguments.h"
#include "budget.h"
#include "filters.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

using Function = std::function<Value(const Value&)>;

// A generator starts when its first item is asked for: errors come then.
Value lazy(const Value& subject, std::function<std::function<bool(Value&)>()> start) {
  return generator_value(
      "generator",
      [subject, start = std::move(start),
       next = std::function<bool(Value&)>()](Value& item) mutable {
        Budget::spend_steps(1);
        if (!next) next = is_true(subject) ? start() : [](Value&) { return false; };
        return next(item);
      },
      subject.depth() + 1);
}

Value without_first(const Arguments& arguments, Arguments& rest, const char* missing) {
  if (arguments.positional.empty()) raise("{}", missing);
  rest = arguments;
  rest.positional.erase(rest.positional.begin());
  return arguments.positional[0];
}

std::string lookup_name(const Value& name, const char* what) {
  if (!is_hashable(name)) raise("unhashable type: '{}'", type_name(name));
  if (!name.is_text()) raise("No {} named {}.", what, to_repr(name));
  return name.as_text();
}

Function mapping(Arguments arguments) {
  const auto has = [&](const char* wanted) {
    for (const auto& entry : arguments.named) {
      if (entry.first == wanted) return true;
    }
    return false;
  };
  if (arguments.positional.empty() && has("attribute")) {
    const BoundArguments bound(arguments, "map", {"attribute", "default"});
    const Value fallback = bound.value_or(1, Value::none());
    return [path = AttributePath(bound[0]), fallback](const Value& item) {
      return path.of(item, fallback);
    };
  }
  Arguments rest;
  const Value name = without_first(arguments, rest, "map requires a filter argument");
  return [name, rest](const Value& item) {
    const std::string text = lookup_name(name, "filter");
    const Filter filter = find_filter(text);
    if (!filter) raise("No filter named '{}'.", text);
    return filter(item, rest);
  };
}

Value map(const Value& subject, const Arguments& arguments) {
  return lazy(subject, [subject, arguments] {
    return [next = iterate(subject).next, function = mapping(arguments)](Value& item) {
      Value source;
      if (!next(source)) return false;
      item = function(source);
      return true;
    };
  });
}

Function predicate(const Arguments& arguments) {
  if (arguments.positional.empty()) {
    return [](const Value& item) { return Value::boolean(is_true(item)); };
  }
  Arguments rest;
  const Value name = without_first(arguments, rest, "");
  return [name, rest](const Value& item) {
    const std::string text = lookup_name(name, "test");
    const Filter test = find_test(text);
    if (!test) raise("No test named '{}'.", text);
    return test(item, rest);
  };
}

template <bool keeps, bool by_attribute>
Value select(const Value& subject, const Arguments& arguments) {
  return lazy(subject, [subject, arguments] {
    Arguments rest = arguments;
    Value path = Value::none();
    if (by_attribute) {
      path = without_first(arguments, rest, "Missing parameter for attribute name");
    }
    return [next = iterate(subject).next, path = AttributePath(path),
            function = predicate(rest)](Value& item) {
      while (next(item)) {
        Budget::spend_steps(1);
        if (is_true(function(path.of(item))) == keeps) return true;
      }
      return false;
    };
  });
}

}  // namespace

const Filters& selection_filters() {
  static const Filters filters = {{"map", map},
                                  {"reject", select<false, false>},
                                  {"rejectattr", select<false, true>},
                                  {"select", select<true, false>},
                                  {"selectattr", select<true, true>}};
  return filters;
}

}  // namespace mpq::text::jinja
