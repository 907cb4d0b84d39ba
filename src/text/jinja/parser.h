#pragma once
// From tokens to statements, by recursive descent in the order of jinja2's parser.
#include <initializer_list>
#include <string_view>

#include "lexer.h"
#include "loop.h"
#include "macro.h"
#include "statements.h"

namespace mpq::text::jinja {

class Parser {
 public:
  /// Throws Error(Format) or Error(Unsupported) that says "line N: ...".
  Parser(std::string_view source, Names& names) : tokens_(tokenize(source)), names_(names) {}
  Body parse();

 private:
  using Ends = std::initializer_list<std::string_view>;

  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& next();
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view text);
  void expect_operator(std::string_view text);
  std::string expect_name(std::string_view what);
  void expect_kind(TokenKind kind, const char* what);
  [[noreturn]] void unexpected(std::string_view expected) const;

  // Statements.
  Body parse_body(Ends ends);
  Body parse_block(Ends ends);
  std::unique_ptr<Statement> parse_statement();
  std::unique_ptr<Statement> parse_if();
  std::unique_ptr<Statement> parse_for();
  std::unique_ptr<Statement> parse_set();
  std::unique_ptr<Statement> parse_macro();
  std::unique_ptr<Statement> parse_call_block();
  std::unique_ptr<Statement> parse_filter_block();
  std::unique_ptr<Statement> parse_with();
  std::unique_ptr<Statement> parse_named_block();
  std::unique_ptr<Statement> parse_leave();
  void parse_print(Body& body);
  void parse_signature(MacroDefinition& definition);
  Body parse_macro_body(MacroDefinition& definition, std::string_view end);
  Target parse_target(bool may_have_member);
  Target parse_target_part(bool may_have_member);
  Symbol store(const std::string& name);

  // Expressions.
  ExpressionPointer parse_expression();
  ExpressionPointer parse_tuple(bool with_condition, bool in_parentheses);
  ExpressionPointer parse_condition();
  ExpressionPointer parse_or();
  ExpressionPointer parse_and();
  ExpressionPointer parse_not();
  ExpressionPointer parse_comparison();
  ExpressionPointer parse_sum();
  ExpressionPointer parse_concatenation();
  ExpressionPointer parse_product();
  ExpressionPointer parse_power();
  ExpressionPointer parse_unary(bool with_filter);
  ExpressionPointer parse_primary();
  ExpressionPointer parse_name();
  ExpressionPointer parse_text();
  ExpressionPointer parse_list();
  ExpressionPointer parse_dict();
  ExpressionPointer parse_postfix(ExpressionPointer node);
  ExpressionPointer parse_filters(ExpressionPointer node);
  ExpressionPointer parse_filter(ExpressionPointer subject);
  ExpressionPointer parse_filter_chain(ExpressionPointer subject, bool starts_inline);
  ExpressionPointer parse_test(ExpressionPointer subject);
  ExpressionPointer parse_subscript(ExpressionPointer owner);
  bool parse_subscript_part(Expressions& bounds);
  ArgumentNodes parse_arguments();
  std::string parse_dotted_name(std::string_view what);

  // A name of a filter or test that does not exist is an error when it is used, if it stands in a
  // condition; elsewhere at once.
  struct Unknown {
    int line;
    std::string message;
  };
  void reject_unknown(size_t from) const;

  // Which of the special names a macro's body reads.
  struct Specials {
    bool caller = false, kwargs = false, varargs = false;
    bool stores_caller = false, stores_kwargs = false, stores_varargs = false;
  };
  void note_load(const std::string& name);
  void note_store(const std::string& name);

  std::vector<Token> tokens_;
  Names& names_;
  size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;        // around this place, for break and continue
  int loop_bodies_ = 0;  // the same, where "loop" may not be assigned
  std::vector<Unknown> unknown_;
  std::vector<Specials> macros_;
  std::vector<std::string> block_names_;
};

}  // namespace mpq::text::jinja
