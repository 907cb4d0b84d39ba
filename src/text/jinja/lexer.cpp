// The lexer of jinja2 with trim_blocks and lstrip_blocks, rule by rule.
#include "lexer.h"

#include <algorithm>
#include <array>

#include "literals.h"
#include "python_text.h"
#include "unicode.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }

// Line ends are \n, and the last one is gone.
std::string normalized_lines(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') ++i;
    text += source[i] == '\r' ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized_lines(source)) {}

  std::vector<Token> run();

 private:
  bool starts_with(std::string_view text) const {
    return std::string_view(source_).substr(at_).starts_with(text);
  }
  void advance(size_t count) {
    line_ +=
        static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                    source_.begin() + static_cast<ptrdiff_t>(at_ + count), '\n'));
    at_ += count;
  }
  void skip_space();
  void push(TokenKind kind, std::string text = {}) {
    tokens_.push_back({kind, std::move(text), line_});
  }
  size_t next_tag() const;
  void data_until(size_t end, char sign, bool is_variable);
  bool raw_begin(size_t& length) const;
  void raw();
  void comment();
  void tag(bool is_variable);
  bool tag_end(bool is_variable);
  void end_tag(std::string_view end);
  void expression_token(bool is_variable);
  bool number();
  void name();
  void text_literal();
  void operator_token();

  const std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
  std::string open_;  // brackets that are to be closed
  std::vector<Token> tokens_;
};

void Lexer::skip_space() {
  while (at_ < source_.size()) {
    size_t next = at_;
    if (!is_space(next_code_point(source_, next))) return;
    advance(next - at_);
  }
}

size_t Lexer::next_tag() const {
  for (size_t at = at_; (at = source_.find('{', at)) != std::string::npos; ++at) {
    const char c = at + 1 < source_.size() ? source_[at + 1] : ' ';
    if (c == '%' || c == '{' || c == '#') return at;
  }
  return std::string::npos;
}

// The text before a tag: "-" takes the white space, lstrip_blocks what stands on the tag's line.
void Lexer::data_until(size_t end, char sign, bool is_variable) {
  std::string text = source_.substr(at_, end - at_);
  if (sign == '-') {
    text = stripped(text, std::nullopt, false, true);
  } else if (sign != '+' && !is_variable) {
    const size_t line_begin = text.rfind('\n') + 1;
    if (line_begin > 0 || at_line_start_) {
      const std::string_view last = std::string_view(text).substr(line_begin);
      if (stripped(last, std::nullopt, true, true).empty()) text.resize(line_begin);
    }
  }
  if (!text.empty()) push(TokenKind::Data, text);
  advance(end - at_);
}

// {% raw %} at the current place.
bool Lexer::raw_begin(size_t& length) const {
  const std::string_view rest = std::string_view(source_).substr(at_);
  size_t at = 2;
  const auto space = [&] {
    while (at < rest.size()) {
      size_t next = at;
      if (!is_space(next_code_point(rest, next))) break;
      at = next;
    }
  };
  if (!rest.starts_with("{%")) return false;
  if (at < rest.size() && (rest[at] == '-' || rest[at] == '+')) ++at;
  space();
  if (!rest.substr(at).starts_with("raw")) return false;
  at += 3;
  space();
  if (rest.substr(at).starts_with("-%}")) {
    at += 3;
    space();
  } else if (rest.substr(at).starts_with("%}")) {
    at += 2;
  } else {
    return false;
  }
  length = at;
  return true;
}

void Lexer::raw() {
  if (at_ == source_.size()) return;
  const int begin_line = line_;
  for (size_t at = at_; (at = source_.find("{%", at)) != std::string::npos; ++at) {
    size_t end = at + 2;
    const char sign = end < source_.size() ? source_[end] : ' ';
    if (sign == '-' || sign == '+') ++end;
    const auto space = [&] {
      while (end < source_.size()) {
        size_t next = end;
        if (!is_space(next_code_point(source_, next))) break;
        end = next;
      }
    };
    space();
    if (source_.compare(end, 6, "endraw") != 0) continue;
    end += 6;
    space();
    const char end_sign = end < source_.size() ? source_[end] : ' ';
    if (end_sign == '-' || end_sign == '+') ++end;
    if (source_.compare(end, 2, "%}") != 0) continue;
    end += 2;
    if (end_sign == '-') {
      space();
    } else if (end_sign != '+' && end < source_.size() && source_[end] == '\n') {
      ++end;
    }
    data_until(at, sign, false);
    advance(end - at_);
    at_line_start_ = source_[end - 1] == '\n';
    return;
  }
  syntax_error(begin_line, "Missing end of raw directive");
}

// Behind the end of a tag: "-" takes the white space, otherwise a block takes one line end.
void Lexer::end_tag(std::string_view end) {
  const bool keeps = end.front() == '+' || end == "}}";
  advance(end.size());
  if (end.front() == '-') {
    skip_space();
  } else if (!keeps && starts_with("\n")) {
    advance(1);
  }
  at_line_start_ = source_[at_ - 1] == '\n';
}

void Lexer::comment() {
  if (at_ == source_.size()) return;
  const size_t end = source_.find("#}", at_);
  if (end == std::string::npos) syntax_error(line_, "Missing end of comment tag");
  const char sign = end > at_ ? source_[end - 1] : ' ';
  const bool has_sign = sign == '-' || sign == '+';
  advance(end - at_ - (has_sign ? 1 : 0));
  end_tag(has_sign ? (sign == '-' ? "-#}" : "+#}") : "#}");
}

bool Lexer::tag_end(bool is_variable) {
  if (!open_.empty()) return false;
  static constexpr std::array<std::string_view, 3> kVariableEnds = {"-}}", "}}", "}}"};
  static constexpr std::array<std::string_view, 3> kBlockEnds = {"+%}", "-%}", "%}"};
  for (const std::string_view end : is_variable ? kVariableEnds : kBlockEnds) {
    if (!starts_with(end)) continue;
    push(is_variable ? TokenKind::VariableEnd : TokenKind::BlockEnd);
    end_tag(end);
    return true;
  }
  return false;
}

bool Lexer::number() {
  if (!is_digit_char(source_[at_])) return false;
  const bool behind_dot = at_ > 0 && source_[at_ - 1] == '.';
  const NumberLiteral literal = read_number(std::string_view(source_).substr(at_), !behind_dot);
  if (literal.overflows) syntax_error(line_, "an integer of more than 64 bits");
  Token token{literal.is_float ? TokenKind::Float : TokenKind::Integer,
              source_.substr(at_, literal.length), line_};
  token.integer = literal.integer;
  token.number = literal.number;
  tokens_.push_back(token);
  advance(literal.length);
  return true;
}

void Lexer::name() {
  const size_t begin = at_;
  size_t end = at_;
  while (end < source_.size()) {
    size_t next = end;
    const char32_t c = next_code_point(source_, next);
    if (!is_alnum(c) && c != '_' && !(c >= 0x80 && (is_mark(c) || c == 0xB7))) break;
    end = next;
  }
  const std::string text = source_.substr(begin, end - begin);
  if (!is_identifier(text)) syntax_error(line_, "Invalid character in identifier");
  push(TokenKind::Name, text);
  advance(end - begin);
}

void Lexer::text_literal() {
  const char quote = source_[at_];
  size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) {
    syntax_error(line_, "unexpected char {}; the text does not end", quote);
  }
  push(TokenKind::Text, unescaped(std::string_view(source_).substr(at_ + 1, end - at_ - 1), line_));
  advance(end + 1 - at_);
}

void Lexer::operator_token() {
  static constexpr std::string_view kOperators[] = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                   [&](std::string_view text) { return starts_with(text); });
  if (found == std::end(kOperators)) {
    size_t next = at_;
    next_code_point(source_, next);
    syntax_error(line_, "unexpected char '{}'", source_.substr(at_, next - at_));
  }
  const char c = found->front();
  if (c == '(' || c == '[' || c == '{') open_ += c == '(' ? ')' : c == '[' ? ']' : '}';
  if (c == ')' || c == ']' || c == '}') {
    if (open_.empty()) syntax_error(line_, "unexpected '{}'", c);
    if (open_.back() != c) syntax_error(line_, "unexpected '{}', expected '{}'", c, open_.back());
    open_.pop_back();
  }
  push(TokenKind::Operator, std::string(*found));
  advance(found->size());
}

void Lexer::expression_token(bool is_variable) {
  const char c = source_[at_];
  if (number()) return;
  if (c == '"' || c == '\'') return text_literal();
  size_t next = at_;
  const char32_t point = next_code_point(source_, next);
  if (is_alnum(point) || c == '_') return name();
  operator_token();
}

void Lexer::tag(bool is_variable) {
  push(is_variable ? TokenKind::VariableBegin : TokenKind::BlockBegin);
  for (;;) {
    skip_space();
    if (at_ >= source_.size()) return;  // the parser says what it misses
    if (tag_end(is_variable)) return;
    expression_token(is_variable);
  }
}

std::vector<Token> Lexer::run() {
  while (at_ < source_.size()) {
    const size_t begin = next_tag();
    if (begin == std::string::npos) {
      push(TokenKind::Data, source_.substr(at_));
      advance(source_.size() - at_);
      break;
    }
    const char kind = source_[begin + 1];
    const char sign = begin + 2 < source_.size() ? source_[begin + 2] : ' ';
    data_until(begin, sign, kind == '{');
    size_t raw_length = 0;
    if (raw_begin(raw_length)) {
      advance(raw_length);
      at_line_start_ = source_[at_ - 1] == '\n';
      raw();
      continue;
    }
    advance(sign == '-' || sign == '+' ? 3 : 2);
    if (kind == '#') {
      comment();
    } else {
      tag(kind == '{');
    }
  }
  push(TokenKind::End);
  return std::move(tokens_);
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (const size_t at = invalid_utf8_at(source); at != std::string_view::npos) {
    const auto lines =
        std::count(source.begin(), source.begin() + static_cast<ptrdiff_t>(at), '\n');
    syntax_error(static_cast<int>(lines) + 1, "the template is not UTF-8");
  }
  return Lexer(source).run();
}

}  // namespace mpq::text::jinja
