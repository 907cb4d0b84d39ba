#pragma once
// Methods of str, list, tuple, dict and numbers.
#include <map>
#include <optional>
#include <string>

#include "object.h"
#include "value.h"

namespace mpq::text::jinja {

using Method = Value (*)(const Value& self, const Arguments& arguments);
using Methods = std::map<std::string, Method, std::less<>>;

/// To add a method: an entry of the table of its type.
const Methods& text_methods();
const Methods& list_methods();
const Methods& tuple_methods();
const Methods& dict_methods();
const Methods& number_methods();  // of int and float alike

/// str.format with a mapping or with arguments.
Value format_text(const Value& self, const Arguments& arguments);
Value format_text_map(const Value& self, const Arguments& arguments);
/// format(value, specification).
std::string format_value(const Value& value, const std::string& specification);

}  // namespace mpq::text::jinja
