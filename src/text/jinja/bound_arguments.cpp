// Binding positional and named arguments to parameters.
#include "bound_arguments.h"

#include <algorithm>

#include "operations.h"

namespace mpq::text::jinja {

BoundArguments::BoundArguments(const Arguments& arguments, std::string_view function,
                               std::initializer_list<std::string_view> parameters, size_t required)
    : values_(parameters.size()) {
  if (arguments.positional.size() > parameters.size()) {
    raise("{}() takes at most {} arguments ({} given)", function, parameters.size(),
          arguments.positional.size());
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), values_.begin());
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(parameters.begin(), parameters.end(), name);
    if (name.empty() || found == parameters.end()) {
      raise("{}() got an unexpected keyword argument '{}'", function, name);
    }
    auto& slot = values_[static_cast<size_t>(found - parameters.begin())];
    if (slot) raise("{}() got multiple values for argument '{}'", function, name);
    slot = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!values_[i]) raise("{}() is missing a required argument", function);
  }
}

Value BoundArguments::value_or(size_t index, Value fallback) const {
  return values_[index] ? *values_[index] : std::move(fallback);
}

bool BoundArguments::truth(size_t index, bool fallback) const {
  return values_[index] ? is_true(*values_[index]) : fallback;
}

int64_t BoundArguments::integer(size_t index, int64_t fallback) const {
  return values_[index] ? require_integer(*values_[index]) : fallback;
}

std::string BoundArguments::text(size_t index, const std::string& fallback) const {
  return values_[index] ? require_text(*values_[index]) : fallback;
}

std::optional<std::string> BoundArguments::optional_text(size_t index) const {
  if (!values_[index] || values_[index]->is_none()) return std::nullopt;
  return require_text(*values_[index]);
}

int64_t require_integer(const Value& value) {
  if (value.is_undefined()) raise("{}", value.reason());
  if (!value.is_integral()) {
    raise("'{}' object cannot be interpreted as an integer", type_name(value));
  }
  return value.as_integer();
}

const std::string& require_text(const Value& value) {
  if (!value.is_text()) raise("expected a str, found '{}'", type_name(value));
  return value.as_text();
}

}  // namespace mpq::text::jinja
