#pragma once
// Reading and writing JSON files: errors name the file; a written file is whole or absent.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mpq {

using Json = nlohmann::ordered_json;

/// The whole file as bytes. Throws Error(Io).
std::string read_text_file(const std::string& path);
/// Throws Error(Io) when unreadable, Error(Format) with line and column when it is not JSON.
Json read_json_file(const std::string& path);
/// Writes to a temporary name in the same folder, then renames. Throws Error(Io).
void write_text_file(const std::string& path, std::string_view text);
/// Two-space indent and a final newline.
void write_json_file(const std::string& path, const Json& value);

/// A member that must be there with the right type; throws Error(Format) naming `where` and the
/// member.
template <class T>
T json_get(const Json& object, const char* key, const std::string& where);
/// The same, with a default when absent or null.
template <class T>
T json_get_or(const Json& object, const char* key, const T& fallback, const std::string& where);

}  // namespace mpq

#include "mpq/core/json_file.inl"
