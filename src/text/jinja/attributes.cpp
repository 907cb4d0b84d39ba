// x.name and x[key] as the immutable sandbox of jinja2 resolves them.
#include <array>

#include "budget.h"
#include "dict.h"
#include "methods.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

using AttributeNames = std::initializer_list<const char*>;

bool is_one_of(AttributeNames names, const std::string& name) {
  for (const char* candidate : names) {
    if (name == candidate) return true;
  }
  return false;
}

// What would change a list or dict does not exist for a template.
bool is_mutator(const Value& value, const std::string& name) {
  if (value.is(Kind::List)) {
    return is_one_of({"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"},
                     name);
  }
  return value.is(Kind::Dict) &&
         is_one_of({"clear", "pop", "popitem", "setdefault", "update"}, name);
}

const Methods* methods_of(const Value& value) {
  switch (value.kind()) {
    case Kind::Text:
      return &text_methods();
    case Kind::List:
      return &list_methods();
    case Kind::Tuple:
      return &tuple_methods();
    case Kind::Dict:
      return &dict_methods();
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float:
      return &number_methods();
    default:
      return nullptr;
  }
}

std::optional<Value> number_property(const Value& value, const std::string& name) {
  const bool is_float = value.is(Kind::Float);
  const Value plain = is_float ? value : Value::integer(value.as_integer());
  if (name == "real" || (name == "numerator" && !is_float)) return plain;
  if (name == "imag") return is_float ? Value::number(0) : Value::integer(0);
  if (name == "denominator" && !is_float) return Value::integer(1);
  return std::nullopt;
}

// Attributes that every object of Python has.
bool is_internal(const std::string& name) {
  return is_one_of({"__class__",   "__delattr__", "__dir__",       "__doc__",
                    "__eq__",      "__format__",  "__ge__",        "__getattribute__",
                    "__gt__",      "__hash__",    "__init__",      "__init_subclass__",
                    "__le__",      "__len__",     "__lt__",        "__ne__",
                    "__new__",     "__reduce__",  "__reduce_ex__", "__repr__",
                    "__setattr__", "__sizeof__",  "__str__",       "__subclasshook__"},
                   name);
}

Value no_attribute(const Value& value, const Value& key) {
  const std::string owner = value.is_none() ? "None" : type_name(value) + " object";
  if (key.is_text()) {
    return Value::undefined(fmt::format("'{}' has no attribute '{}'", owner, key.as_text()));
  }
  return Value::undefined(fmt::format("{} has no element {}", owner, to_repr(key)));
}

Value unsafe(const Value& value, const std::string& name) {
  return Value::undefined(
      fmt::format("access to attribute '{}' of '{}' object is unsafe", name, type_name(value)));
}

// The item at a key, when Python's x[key] finds one.
std::optional<Value> find_item(const Value& value, const Value& key) {
  if (value.is(Kind::Dict)) {
    if (!is_hashable(key)) return std::nullopt;
    const Value* found = value.as_dict().find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (!key.is_integral()) return std::nullopt;
  const auto* range = value.object_as<Range>();
  if (!range && !value.is_sequence() && !value.is_text()) return std::nullopt;
  const int64_t size = range ? range->size() : length_of(value);
  const int64_t at = key.as_integer() < 0 ? key.as_integer() + size : key.as_integer();
  if (at < 0 || at >= size) return std::nullopt;
  if (range) return Value::integer(range->at(at));
  if (value.is_sequence()) return value.items()[static_cast<size_t>(at)];
  const std::u32string points = code_points(value.as_text());
  Budget::spend_bytes(points.size());
  return Value::text(utf8_of({&points[static_cast<size_t>(at)], 1}), value.is_markup());
}

}  // namespace

std::string type_name(const Value& value) {
  static constexpr std::array<const char*, 9> kNames = {
      "Undefined", "NoneType", "bool", "int", "float", "str", "list", "tuple", "dict"};
  if (value.is(Kind::Object)) return value.as_object().type();
  if (value.is_markup()) return "Markup";
  return kNames.at(static_cast<size_t>(value.kind()));
}

std::optional<Value> own_attribute(const Value& value, const std::string& name) {
  if (is_internal(name)) return unsafe(value, name);
  if (value.is(Kind::Object)) {
    auto found = value.as_object().attribute(name);
    if (found && name.starts_with("_")) return unsafe(value, name);
    return found;
  }
  if (is_mutator(value, name)) return unsafe(value, name);
  if (value.is(Kind::Tuple) && value.sequence().is_group) {
    if (name == "grouper") return value.items()[0];
    if (name == "list") return value.items()[1];
  }
  if (value.is_numeric()) {
    if (auto property = number_property(value, name)) return property;
  }
  const Methods* methods = methods_of(value);
  if (!methods) return std::nullopt;
  const auto found = methods->find(name);
  if (found == methods->end()) return std::nullopt;
  const Method method = found->second;
  return function_value(
      name,
      [value, method](const Arguments& arguments) {
        Value result = method(value, arguments);
        if (result.is_text()) Budget::spend_bytes(result.as_text().size());
        if (result.is_sequence()) Budget::spend_bytes(result.items().size() * sizeof(Value));
        return result;
      },
      value.depth() + 1);
}

Value get_attribute(const Value& value, const std::string& name) {
  if (value.is_undefined()) {
    if (is_internal(name)) return unsafe(value, name);
    raise("{}", value.reason());
  }
  if (auto own = own_attribute(value, name)) return *own;
  if (value.is(Kind::Dict)) {
    if (const Value* item = value.as_dict().find(name)) return *item;
  }
  return no_attribute(value, Value::text(name));
}

Value get_item(const Value& value, const Value& key) {
  if (value.is_undefined()) raise("{}", value.reason());
  if (auto item = find_item(value, key)) return *item;
  if (key.is_text()) {
    if (auto own = own_attribute(value, key.as_text())) return *own;
  }
  return no_attribute(value, key);
}

}  // namespace mpq::text::jinja
