#pragma once
// GPT-2's printable stand-ins for the 256 bytes.
#include <string>
#include <string_view>

namespace mpq::text {

/// Every byte replaced by its character.
std::string byte_level(std::string_view text);
void append_byte_level(std::string& out, std::string_view text);
/// The byte of a character, or -1.
int byte_of(char32_t code_point);

}  // namespace mpq::text
