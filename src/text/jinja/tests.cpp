// The tests behind "is".
#include "bound_arguments.h"
#include "filters.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

template <bool (*holds)(const Value&)>
Value test(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "test", {});
  return Value::boolean(holds(subject));
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is(Kind::Bool); }
bool is_exactly_true(const Value& value) { return value.is(Kind::Bool) && value.as_bool(); }
bool is_exactly_false(const Value& value) { return value.is(Kind::Bool) && !value.as_bool(); }
bool is_integer(const Value& value) { return value.is(Kind::Int); }
bool is_float(const Value& value) { return value.is(Kind::Float); }
bool is_number(const Value& value) { return value.is_numeric(); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.is(Kind::Dict); }
bool is_escaped(const Value& value) { return value.is_markup(); }
bool is_iterable(const Value& value) {
  return try_iterate(value).has_value() ||
         (value.is(Kind::Object) && type_name(value) == "LoopContext");
}

// What has len() and [].
bool is_sequence(const Value& value) {
  return value.is_undefined() || value.is_text() || value.is_sequence() || value.is(Kind::Dict) ||
         value.object_as<Range>();
}

bool is_callable(const Value& value) {
  return value.is_undefined() || (value.is(Kind::Object) && value.as_object().is_callable());
}

bool is_remainder(const Value& value, const Value& divisor, int64_t remainder) {
  return equals(arithmetic("%", value, divisor), Value::integer(remainder));
}
bool is_odd(const Value& value) { return is_remainder(value, Value::integer(2), 1); }
bool is_even(const Value& value) { return is_remainder(value, Value::integer(2), 0); }

Value divisible_by(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "divisibleby", {"num"}, 1);
  return Value::boolean(is_remainder(subject, bound[0], 0));
}

bool has_case(const Value& value, const char* method) {
  return is_true(own_attribute(Value::text(to_text(value)), method)->as_object().call({}));
}
bool is_lower_text(const Value& value) { return has_case(value, "islower"); }
bool is_upper_text(const Value& value) { return has_case(value, "isupper"); }

bool names_something(const Value& value, Filter (*find)(const std::string&)) {
  if (!is_hashable(value)) raise("unhashable type: '{}'", type_name(value));
  return value.is_text() && find(value.as_text());
}
bool names_filter(const Value& value) { return names_something(value, find_filter); }
bool names_test(const Value& value) { return names_something(value, find_test); }

Value same_as(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "sameas", {"other"}, 1);
  return Value::boolean(subject.is_same(bound[0]));
}

Value is_in(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "in", {"seq"}, 1);
  return Value::boolean(contains(bound[0], subject));
}

enum class Operation { Equal, Unequal, Less, LessEqual, Greater, GreaterEqual };

template <Operation operation>
Value compared(const Value& subject, const Arguments& arguments) {
  static constexpr const char* kSigns[] = {"==", "!=", "<", "<=", ">", ">="};
  const BoundArguments bound(arguments, "comparison", {""}, 1);
  return Value::boolean(compare(kSigns[static_cast<size_t>(operation)], subject, bound[0]));
}

}  // namespace

const Filters& test_table() {
  static const Filters tests = {
      {"!=", compared<Operation::Unequal>},
      {"<", compared<Operation::Less>},
      {"<=", compared<Operation::LessEqual>},
      {"==", compared<Operation::Equal>},
      {">", compared<Operation::Greater>},
      {">=", compared<Operation::GreaterEqual>},
      {"boolean", test<is_boolean>},
      {"callable", test<is_callable>},
      {"defined", test<is_defined>},
      {"divisibleby", divisible_by},
      {"eq", compared<Operation::Equal>},
      {"equalto", compared<Operation::Equal>},
      {"escaped", test<is_escaped>},
      {"even", test<is_even>},
      {"false", test<is_exactly_false>},
      {"filter", test<names_filter>},
      {"float", test<is_float>},
      {"ge", compared<Operation::GreaterEqual>},
      {"greaterthan", compared<Operation::Greater>},
      {"gt", compared<Operation::Greater>},
      {"in", is_in},
      {"integer", test<is_integer>},
      {"iterable", test<is_iterable>},
      {"le", compared<Operation::LessEqual>},
      {"lessthan", compared<Operation::Less>},
      {"lower", test<is_lower_text>},
      {"lt", compared<Operation::Less>},
      {"mapping", test<is_mapping>},
      {"ne", compared<Operation::Unequal>},
      {"none", test<is_none>},
      {"number", test<is_number>},
      {"odd", test<is_odd>},
      {"sameas", same_as},
      {"sequence", test<is_sequence>},
      {"string", test<is_string>},
      {"test", test<names_test>},
      {"true", test<is_exactly_true>},
      {"undefined", test<is_undefined>},
      {"upper", test<is_upper_text>},
  };
  return tests;
}

}  // namespace mpq::text::jinja
