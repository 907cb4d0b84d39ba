#pragma once
// What Python's str knows of code points.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mpq::text::jinja {

std::u32string code_points(std::string_view text);
std::string utf8_of(std::u32string_view points);
size_t code_point_count(std::string_view text);

bool is_space(char32_t c);          // str.isspace()
bool is_alpha(char32_t c);          // L*
bool is_decimal(char32_t c);        // Nd
bool is_digit(char32_t c);          // Nd and superscripts and the like
bool is_numeric_point(char32_t c);  // N*
bool is_alnum(char32_t c);
bool is_printable(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
/// The value of a decimal digit of any script.
int decimal_value(char32_t c);
/// A letter or underscore, then those and digits and marks.
bool is_identifier(std::string_view text);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_capitalized(std::string_view text);  // the first letter in title case
std::string to_title(std::string_view text);
std::string to_swapped_case(std::string_view text);
std::string to_folded_case(std::string_view text);

/// Without what is at either end: of `characters`, or white space.
std::string stripped(std::string_view text, const std::optional<std::string>& characters,
                     bool at_begin, bool at_end);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);
/// At white space, or at a separator; at most `limit` times when that is not negative.
std::vector<std::string> split_text(std::string_view text,
                                    const std::optional<std::string>& separator, int64_t limit,
                                    bool from_right);
/// The first `limit` occurrences; all when it is negative.
std::string replaced(std::string_view text, std::string_view old, std::string_view fresh,
                     int64_t limit);

/// & < > ' " as entities.
std::string html_escaped(std::string_view text);

/// int(text, base) and float(text).
std::optional<int64_t> parse_integer(std::string_view text, int base);
std::optional<double> parse_number(std::string_view text);

}  // namespace mpq::text::jinja
