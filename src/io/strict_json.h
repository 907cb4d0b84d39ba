#pragma once
// JSON from files that nobody vouches for: keys once only, bounded nesting, errors that name the
// file.
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mpq {

/// Objects are sorted maps here, so that a header of many thousand tensors parses in n log n.
/// `where` begins every message, e.g. "FILE: the header". Throws Error(Format).
nlohmann::json parse_strict_json(std::string_view text, const std::string& where, size_t max_depth);

/// Text of a file as a message may show it: control and non-ASCII characters escaped, long ones
/// cut.
std::string shown(std::string_view text);
std::string shown_value(const nlohmann::json& value);

}  // namespace mpq
