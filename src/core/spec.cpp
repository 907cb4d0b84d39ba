// Parses and prints spec strings.
#include "mpq/core/spec.h"

#include <algorithm>
#include <cctype>

#include "mpq/core/error.h"

namespace mpq {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '+' || c == '.';
  });
}

}  // namespace

const std::string* Spec::find(std::string_view key) const {
  for (const auto& [name, value] : options) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Spec::set(std::string_view key, std::string value) {
  for (auto& [name, old] : options) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  options.emplace_back(std::string(key), std::move(value));
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  const size_t colon = text.find(':');
  spec.name = std::string(text.substr(0, colon));
  require(is_name(spec.name), ErrorCode::Usage,
          "spec \"{}\": expected NAME or NAME:key=value,flag,... but the name is \"{}\"", text,
          spec.name);
  if (colon == std::string_view::npos) return spec;
  std::string_view rest = text.substr(colon + 1);
  for (bool more = true; more;) {
    const size_t comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest = rest.substr(comma + 1);
    const size_t equals = item.find('=');
    const std::string_view key = item.substr(0, equals);
    require(is_name(key), ErrorCode::Usage,
            "spec \"{}\": expected key=value or a flag, found \"{}\"", text, item);
    require(spec.find(key) == nullptr, ErrorCode::Usage,
            "spec \"{}\": option \"{}\" is given twice", text, key);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view("true") : item.substr(equals + 1);
    spec.options.emplace_back(std::string(key), std::string(value));
  }
  return spec;
}

std::string to_string(const Spec& spec) {
  std::string text = spec.name;
  char separator = ':';
  for (const auto& [key, value] : spec.options) {
    text += separator;
    text += key;
    if (value != "true") text += "=" + value;
    separator = ',';
  }
  return text;
}

}  // namespace mpq
