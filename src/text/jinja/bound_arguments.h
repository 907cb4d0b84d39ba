#pragma once
// Arguments by parameter, as Python binds them.
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object.h"

namespace mpq::text::jinja {

class BoundArguments {
 public:
  /// Parameters by name, "" for one that has none; `required` of them must be given. Throws when
  /// there are more, or unknown ones.
  BoundArguments(const Arguments& arguments, std::string_view function,
                 std::initializer_list<std::string_view> parameters, size_t required = 0);

  bool has(size_t index) const { return values_[index].has_value(); }
  const Value& operator[](size_t index) const { return *values_[index]; }
  Value value_or(size_t index, Value fallback) const;
  bool truth(size_t index, bool fallback) const;
  /// Throws when the argument is not an int.
  int64_t integer(size_t index, int64_t fallback) const;
  /// Throws when the argument is not a str.
  std::string text(size_t index, const std::string& fallback) const;
  /// Nothing for None or an absent one.
  std::optional<std::string> optional_text(size_t index) const;

 private:
  std::vector<std::optional<Value>> values_;
};

/// An int where one is expected.
int64_t require_integer(const Value& value);
/// A str where one is expected.
const std::string& require_text(const Value& value);

}  // namespace mpq::text::jinja
