#pragma once
// UTF-8: checking and repairing, and bytes that are not UTF-8 as text that JSON can hold.
#include <cstddef>
#include <string>
#include <string_view>

namespace mpq {

/// Where the first ill-formed byte is; npos when the text is UTF-8.
size_t invalid_utf8_at(std::string_view text);
/// Every ill-formed sequence replaced by U+FFFD, one for each maximal subpart, as Rust and Python
/// do.
std::string repaired_utf8(std::string_view text);
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
/// The text behind a byte order mark, if it begins with one.
std::string_view without_byte_order_mark(std::string_view text);

/// A path for JSON: UTF-8 stays as it is; any other byte B becomes the private character
/// U+EF00 + B, so that text_to_path(path_to_text(x)) == x for all x.
std::string path_to_text(std::string_view path);
/// The same of the path as it is found from any folder: absolute and normal.
std::string lasting_path(const std::string& path);
std::string text_to_path(std::string_view text);

}  // namespace mpq
