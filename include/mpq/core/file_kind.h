#pragma once
// Files that are not what their names say: what a clone without git-lfs or a login page leaves.
#include <exception>
#include <string>
#include <string_view>

namespace mpq {

/// "a git-lfs pointer, not the file itself; run `git lfs pull` in its folder", "a web page (HTML)
/// ..."; empty when it is neither. Looks at the first bytes alone.
std::string other_kind(std::string_view begin);
/// Throws Error(Format) when the file is a git-lfs pointer.
void refuse_pointer(const std::string& path, std::string_view begin);

/// What a JSON parser's exception means, for "expected JSON, found ...": the syntax error's byte, a
/// number that no type holds, half a surrogate pair, NaN, or a file of another kind.
std::string json_fault(const std::exception& error, std::string_view text);
/// The line of the fault, from 1.
long json_fault_line(const std::exception& error, std::string_view text);

}  // namespace mpq
