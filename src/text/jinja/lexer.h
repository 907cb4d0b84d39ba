#pragma once
// From a template's text to tokens: white space control, trim_blocks and lstrip_blocks are done
// here.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mpq/core/error.h"

namespace mpq::text::jinja {

enum class TokenKind {
  Data,
  VariableBegin,
  VariableEnd,
  BlockBegin,
  BlockEnd,
  Name,
  Integer,
  Float,
  Text,
  Operator,
  End
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;  // data, name, operator, or what a string literal means
  int line = 1;
  int64_t integer = 0;
  double number = 0;

  bool is(TokenKind wanted, std::string_view value) const {
    return kind == wanted && text == value;
  }
  bool is_name(std::string_view value) const { return is(TokenKind::Name, value); }
  bool is_operator(std::string_view value) const { return is(TokenKind::Operator, value); }
};

/// Ends with a token End. Throws Error(Format) that says "line N: ...".
std::vector<Token> tokenize(std::string_view source);

/// Error(Format) about a line of the template.
template <class... Args>
[[noreturn]] void syntax_error(int line, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorCode::Format,
              fmt::format("line {}: {}", line, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace mpq::text::jinja
