#pragma once
// Reading and writing JSON files: errors name the file; a written file is whole or absent.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

// Compiled once, in json_file.cpp.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace mpq {

using Json = nlohmann::ordered_json;

/// The whole file as bytes. Throws Error(Io); Error(Format) when it is a git-lfs pointer.
std::string read_text_file(const std::string& path);
/// `where` begins every message, e.g. a file's name. Throws Error(Format) saying what was found
/// instead of JSON.
Json parse_json(std::string_view text, const std::string& where);
/// Throws Error(Io) when unreadable, Error(Format) with line and byte when it is not JSON. Python's
/// Infinity is the largest number, and written as such again.
Json read_json_file(const std::string& path);
/// The same for objects of very many members, which the ordered kind searches one by one.
nlohmann::json read_large_json_file(const std::string& path);
/// Throws Error(Format) when lists and objects are nested so deep that copying them could overflow
/// the stack; all of the above do.
void require_shallow_json(std::string_view text, const std::string& where);
/// Written beside its place, synced and renamed; links stay, pipes and devices are written into.
/// Throws Error(Io).
void write_text_file(const std::string& path, std::string_view text);
/// Two-space indent and a final newline.
void write_json_file(const std::string& path, const Json& value);
/// The value as text; what is not UTF-8 in it becomes U+FFFD, where dump() would throw.
std::string json_text(const Json& value, int indent = -1);

/// A member that must be there with the right type; throws Error(Format) naming `where` and the
/// member. A number must fit: no 3.5 or true where an integer is expected, none beyond its range.
template <class T>
T json_get(const Json& object, const char* key, const std::string& where);
/// The same, with a default when absent or null (the object itself too).
template <class T>
T json_get_or(const Json& object, const char* key, const T& fallback, const std::string& where);

}  // namespace mpq

#include "mpq/core/json_file.inl"
