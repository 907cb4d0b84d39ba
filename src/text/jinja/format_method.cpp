// str.format: replacement fields, whose attributes and items go through the sandbox.
#include "bound_arguments.h"
#include "budget.h"
#include "dict.h"
#include "methods.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

class Formatter {
 public:
  Formatter(const std::vector<Value>& positional, const Dict& named)
      : positional_(positional), named_(named) {}

  std::string format(std::string_view text, int depth);

 private:
  std::string field(std::string_view text, int depth);
  Value lookup(std::string_view name);
  Value first_value(const std::string& name);

  const std::vector<Value>& positional_;
  const Dict& named_;
  int64_t automatic_ = 0;  // -1 once a number was given
};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Value Formatter::first_value(const std::string& name) {
  if (!is_number(name)) {
    const Value* found = named_.find(name);
    if (!found) raise("KeyError: '{}'", name);
    return *found;
  }
  const auto index = parse_integer(name, 10).value_or(-1);
  if (index >= static_cast<int64_t>(positional_.size())) {
    raise("Replacement index {} out of range for positional args tuple", name);
  }
  return positional_[static_cast<size_t>(index)];
}

Value Formatter::lookup(std::string_view name) {
  if (name.empty()) {
    if (automatic_ < 0) {
      raise("cannot switch from manual field specification to automatic field numbering");
    }
    return first_value(fmt::format("{}", automatic_++));
  }
  if (is_number(name)) {
    if (automatic_ > 0) {
      raise("cannot switch from manual field specification to automatic field numbering");
    }
    automatic_ = -1;
  }
  size_t at = std::min(name.find_first_of(".["), name.size());
  Value value = first_value(std::string(name.substr(0, at)));
  while (at < name.size()) {
    if (name[at] == '.') {
      const size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
      if (end == at + 1) raise("Empty attribute in format string");
      value = get_attribute(value, std::string(name.substr(at + 1, end - at - 1)));
      at = end;
      continue;
    }
    const size_t end = name.find(']', at);
    if (name[at] != '[') raise("Only '.' or '[' may follow ']' in format field specifier");
    if (end == std::string_view::npos) raise("Missing ']' in format string");
    const std::string key(name.substr(at + 1, end - at - 1));
    if (key.empty()) raise("Empty attribute in format string");
    value = get_item(value, is_number(key) ? Value::integer(parse_integer(key, 10).value_or(0))
                                           : Value::text(key));
    at = end + 1;
  }
  return value;
}

std::string Formatter::field(std::string_view text, int depth) {
  // The name ends at the first ! or : that is not inside brackets.
  size_t end = 0;
  for (bool inside = false; end < text.size(); ++end) {
    if (text[end] == '[') inside = true;
    if (text[end] == ']') inside = false;
    if (!inside && (text[end] == '!' || text[end] == ':')) break;
  }
  const std::string_view name = text.substr(0, end);
  char conversion = 0;
  if (end < text.size() && text[end] == '!') {
    if (end + 1 >= text.size()) raise("end of string while looking for conversion specifier");
    conversion = text[end + 1];
    end += 2;
    if (end < text.size() && text[end] != ':') raise("expected ':' after conversion specifier");
  }
  Value value = lookup(name);
  if (conversion == 's') {
    value = Value::text(to_text(value));
  } else if (conversion == 'r' || conversion == 'a') {
    value = Value::text(to_repr(value));
  } else if (conversion != 0) {
    raise("Unknown conversion specifier {}", conversion);
  }
  const std::string specification =
      end < text.size() ? format(text.substr(end + 1), depth - 1) : std::string();
  return format_value(value, specification);
}

std::string Formatter::format(std::string_view text, int depth) {
  if (depth < 0) raise("Max string recursion exceeded");
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c != '{' && c != '}') {
      out += c;
      ++at;
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == c) {
      out += c;
      at += 2;
      continue;
    }
    if (c == '}') raise("Single '}}' encountered in format string");
    size_t end = at + 1;
    for (int level = 1; end < text.size(); ++end) {
      level += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
      if (level == 0) break;
    }
    if (end >= text.size()) raise("expected '}}' before end of string");
    out += field(text.substr(at + 1, end - at - 1), depth);
    require_text_size(out.size());
    at = end + 1;
  }
  return out;
}

Value formatted(const Value& self, const std::vector<Value>& positional, const Dict& named) {
  return Value::text(Formatter(positional, named).format(self.as_text(), 2), self.is_markup());
}

}  // namespace

Value format_text(const Value& self, const Arguments& arguments) {
  Dict named;
  for (const auto& [name, value] : arguments.named) named.set(Value::text(name), value);
  return formatted(self, arguments.positional, named);
}

Value format_text_map(const Value& self, const Arguments& arguments) {
  const BoundArguments bound(arguments, "format_map", {""}, 1);
  if (!bound[0].is(Kind::Dict)) raise("format_map() expects a mapping");
  return formatted(self, {}, bound[0].as_dict());
}

}  // namespace mpq::text::jinja
