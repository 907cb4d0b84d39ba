#pragma once
// What Python's operators and protocols do to values. Each throws what Python would raise.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "object.h"
#include "value.h"

namespace mpq::text::jinja {

/// "str", "list", "NoneType", ...
std::string type_name(const Value& value);
bool is_true(const Value& value);

/// str() and repr().
std::string to_text(const Value& value);
std::string to_repr(const Value& value);
std::string text_repr(const std::string& text);
std::string number_repr(double value);

bool equals(const Value& left, const Value& right);
bool is_less(const Value& left, const Value& right);
/// ==, !=, <, <=, >, >=.
bool compare(const std::string& operation, const Value& left, const Value& right);
bool contains(const Value& container, const Value& item);

/// +, -, *, /, //, %, **.
Value arithmetic(const std::string& operation, const Value& left, const Value& right);
Value negated(const Value& value);
Value positive(const Value& value);
Value absolute(const Value& value);
int64_t checked(bool overflows, int64_t result);
/// Text % arguments.
Value percent_format(const Value& format, const Value& arguments);

int64_t length_of(const Value& value);
std::optional<Iteration> try_iterate(const Value& value);
Iteration iterate(const Value& value);
std::vector<Value> items_of(const Value& value);
/// The items from the last to the first; nothing when it has no order.
std::optional<std::vector<Value>> reversed_items(const Value& value);

/// x.name: the attribute first, then the item. Undefined when there is neither.
Value get_attribute(const Value& value, const std::string& name);
/// x[key]: the item first, then the attribute.
Value get_item(const Value& value, const Value& key);
Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step);
/// A method or property of the type alone; nothing when there is none, undefined when the sandbox
/// hides it.
std::optional<Value> own_attribute(const Value& value, const std::string& name);

/// json.dumps as the filter tojson of transformers calls it.
struct JsonStyle {
  bool ascii = false;
  std::optional<std::string> indent;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
std::string to_json(const Value& value, const JsonStyle& style);

/// A stable sort that stands a comparison without order. `precedes(a, b)`: a comes before b.
void sort_values(std::vector<Value>& values,
                 const std::function<bool(const Value&, const Value&)>& precedes);

}  // namespace mpq::text::jinja
