#pragma once
// Spec strings: the compact form of a plug-in and its options, `gptq:bits=4,group=128,sym`.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mpq {

/// A plug-in's name and its options in the order given. A bare option is a flag and reads "true".
/// parse_spec(to_string(x)) == x for every valid x.
struct Spec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> options;

  /// The option's value, or nullptr when it is not given.
  const std::string* find(std::string_view key) const;
  /// Sets or replaces an option.
  void set(std::string_view key, std::string value);
  bool operator==(const Spec&) const = default;
};

/// Throws Error(Usage) on an empty name, an empty or repeated option.
Spec parse_spec(std::string_view text);
std::string to_string(const Spec& spec);

}  // namespace mpq
