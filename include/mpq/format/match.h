#pragma once
// Module names against the regular expressions of others' configurations.
#include <string>

namespace mpq {

/// Whether `pattern` matches from the start of `module`, as Python's re.match does. Throws
/// Error(Unsupported) naming `where` when it is not a regular expression that mpq reads.
bool matches_start(const std::string& pattern, const std::string& module, const std::string& where);

}  // namespace mpq
