#pragma once
// Properties and mappings of code points, by utf8proc.
#include <string>
#include <string_view>

namespace mpq::text {

bool is_white_space(char32_t code_point);  // White_Space
bool is_numeric(char32_t code_point);      // Nd, Nl, No
bool is_punctuation(char32_t code_point);  // P*, and ASCII's punctuation and symbols
bool is_mark(char32_t code_point);         // Mn, Mc, Me
bool is_word(char32_t code_point);         // \w of the Rust regex crate

enum class NormalForm { Nfc, Nfd, Nfkc, Nfkd };
/// The text must be UTF-8.
std::string normalized(std::string_view text, NormalForm form);
/// Full lower case, code point by code point (no final sigma), as Rust's char::to_lowercase.
std::string lower_case(std::string_view text);

}  // namespace mpq::text
