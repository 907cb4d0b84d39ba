#pragma once
// "Did you mean": the nearest known name to a mistyped one.
#include <string>
#include <string_view>
#include <vector>

namespace mpq {

/// `; did you mean "x"?` for the candidate within a third of the word's length in edits, else `;
/// known: a, b, c`.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace mpq
