// Text forms of option values.
#include "mpq/core/options.h"

#include <charconv>

namespace mpq {
namespace {

template <class Number>
void parse_number(std::string_view text, const std::string& where, const char* kind, Number& out) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  require(status == std::errc() && end == text.data() + text.size(), ErrorCode::Usage,
          "{}: expected {}, found \"{}\"", where, kind, text);
}

}  // namespace

std::string format_value(bool value) { return value ? "true" : "false"; }
std::string format_value(int value) { return fmt::format("{}", value); }
std::string format_value(double value) { return fmt::format("{}", value); }
std::string format_value(const std::string& value) { return value; }

void parse_value(std::string_view text, const std::string& where, bool& out) {
  const bool yes = text == "true" || text == "yes" || text == "1";
  const bool no = text == "false" || text == "no" || text == "0";
  require(yes || no, ErrorCode::Usage, "{}: expected true or false, found \"{}\"", where, text);
  out = yes;
}

void parse_value(std::string_view text, const std::string& where, int& out) {
  parse_number(text, where, "a whole number", out);
}

void parse_value(std::string_view text, const std::string& where, double& out) {
  parse_number(text, where, "a number", out);
}

void parse_value(std::string_view text, const std::string& where, std::string& out) {
  require(!text.empty(), ErrorCode::Usage, "{}: expected a value, found nothing", where);
  out = std::string(text);
}

}  // namespace mpq
