// Bodies, conditions, loops and assignments.
#include "parser.h"

namespace mpq::text::jinja {

const Token& Parser::next() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  next();
  return true;
}

bool Parser::skip_operator(std::string_view text) {
  if (!current().is_operator(text)) return false;
  next();
  return true;
}

void Parser::unexpected(std::string_view expected) const {
  const Token& token = current();
  if (token.kind == TokenKind::End) {
    syntax_error(token.line, "unexpected end of template, expected {}", expected);
  }
  const bool ends_tag = token.kind == TokenKind::VariableEnd || token.kind == TokenKind::BlockEnd;
  syntax_error(token.line, "expected {}, found {}", expected,
               ends_tag ? "the end of the tag" : "'" + token.text + "'");
}

void Parser::expect_operator(std::string_view text) {
  if (!skip_operator(text)) unexpected(fmt::format("'{}'", text));
}

std::string Parser::expect_name(std::string_view what) {
  if (current().kind != TokenKind::Name) unexpected(what);
  return next().text;
}

void Parser::expect_kind(TokenKind kind, const char* what) {
  if (current().kind != kind) unexpected(what);
  next();
}

void Parser::reject_unknown(size_t from) const {
  if (unknown_.size() > from) syntax_error(unknown_[from].line, "{}", unknown_[from].message);
}

Body Parser::parse() {
  Body body = parse_body({});
  reject_unknown(0);
  return body;
}

// Until a tag with one of these names, which is then the current token, or the end of the template
// when there are none.
Body Parser::parse_body(Ends ends) {
  const CallDepth guard(nesting_);
  require_nesting(nesting_);
  Body body;
  while (current().kind != TokenKind::End) {
    const Token token = next();
    if (token.kind == TokenKind::Data) {
      body.push_back(make_statement<DataStatement>(token.line, token.text));
    } else if (token.kind == TokenKind::VariableBegin) {
      const int line = current().line;
      body.push_back(make_statement<OutputStatement>(line, parse_tuple(true, false)));
      expect_kind(TokenKind::VariableEnd, "the end of the print statement");
    } else {
      for (const std::string_view end : ends) {
        if (current().is_name(end)) return body;
      }
      if (current().is_name("print")) {
        parse_print(body);
      } else {
        body.push_back(parse_statement());
      }
      expect_kind(TokenKind::BlockEnd, "the end of the statement");
    }
  }
  if (ends.size() > 0) unexpected(fmt::format("'{}'", *(ends.end() - 1)));
  return body;
}

// The rest of a tag, then a body.
Body Parser::parse_block(Ends ends) {
  skip_operator(":");
  expect_kind(TokenKind::BlockEnd, "the end of the statement");
  return parse_body(ends);
}

std::unique_ptr<Statement> Parser::parse_statement() {
  const Token& token = current();
  if (token.kind != TokenKind::Name) unexpected("the name of a tag");
  const std::string& name = token.text;
  if (name == "if") return parse_if();
  if (name == "for") return parse_for();
  if (name == "set") return parse_set();
  if (name == "macro") return parse_macro();
  if (name == "call") return parse_call_block();
  if (name == "filter") return parse_filter_block();
  if (name == "with") return parse_with();
  if (name == "block" || name == "generation") return parse_named_block();
  if (name == "break" || name == "continue") return parse_leave();
  for (const char* other : {"include", "import", "from", "extends", "autoescape"}) {
    if (name == other) {
      fail(ErrorCode::Unsupported, "line {}: the tag \"{}\" is not supported in chat templates",
           token.line, name);
    }
  }
  syntax_error(token.line, "Encountered unknown tag '{}'", name);
}

std::unique_ptr<Statement> Parser::parse_if() {
  const int line = current().line;
  const size_t unknown = unknown_.size();
  std::vector<IfStatement::Branch> branches;
  for (bool is_open = true; is_open;) {
    const bool has_test = next().text != "else";
    IfStatement::Branch branch;
    if (has_test) branch.test = parse_tuple(false, false);
    branch.body = has_test ? parse_block({"elif", "else", "endif"}) : parse_block({"endif"});
    branches.push_back(std::move(branch));
    is_open = !current().is_name("endif");
  }
  next();
  unknown_.resize(std::min(unknown, unknown_.size()));  // checked when they are used
  return make_statement<IfStatement>(line, std::move(branches));
}

std::unique_ptr<Statement> Parser::parse_for() {
  auto statement = std::make_unique<ForStatement>();
  statement->line = next().line;
  ++loop_bodies_;
  statement->target = parse_target(false);
  if (!skip_name("in")) unexpected("'in'");
  statement->items = parse_tuple(false, false);
  const size_t unknown = unknown_.size();
  if (skip_name("if")) statement->test = parse_expression();
  statement->is_recursive = skip_name("recursive");
  statement->loop = names_.intern("loop");
  // The body of a recursive loop is a function: nothing around it can be left from inside.
  const int outer = std::exchange(loops_, loops_ + 1);
  statement->body = parse_block({"endfor", "else"});
  loops_ = statement->is_recursive ? 0 : outer;
  if (next().text == "else") {
    statement->otherwise = parse_block({"endfor"});
    next();
  }
  loops_ = outer;
  --loop_bodies_;
  reject_unknown(unknown);
  return statement;
}

std::unique_ptr<Statement> Parser::parse_leave() {
  const Token token = next();
  if (loops_ == 0) syntax_error(token.line, "'{}' outside loop", token.text);
  return make_statement<LeaveStatement>(token.line,
                                        token.text == "break" ? Flow::Break : Flow::Continue);
}

void Parser::parse_print(Body& body) {
  const int line = next().line;
  for (bool is_first = true; current().kind != TokenKind::BlockEnd; is_first = false) {
    if (!is_first) expect_operator(",");
    body.push_back(make_statement<OutputStatement>(line, parse_expression()));
  }
}

std::unique_ptr<Statement> Parser::parse_set() {
  const int line = next().line;
  Target target = parse_target(true);
  if (skip_operator("=")) {
    return make_statement<AssignStatement>(line, std::move(target), parse_tuple(true, false));
  }
  const size_t unknown = unknown_.size();
  ExpressionPointer value = parse_filter_chain(make_node<CapturedNode>(line), false);
  Body body = parse_block({"endset"});
  next();
  reject_unknown(unknown);
  return make_statement<AssignBlockStatement>(line, std::move(target), std::move(value),
                                              std::move(body));
}

Symbol Parser::store(const std::string& name) {
  for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name == constant) syntax_error(current().line, "can't assign to '{}'", name);
  }
  if (name == "loop" && loop_bodies_ > 0) {
    syntax_error(current().line, "Can't assign to special loop variable in for-loop target");
  }
  note_store(name);
  return names_.intern(name);
}

// Names with commas between them.
Target Parser::parse_target(bool may_have_member) {
  Target target;
  for (;;) {
    if (!target.parts.empty()) expect_operator(",");
    const TokenKind kind = current().kind;
    if (kind == TokenKind::VariableEnd || kind == TokenKind::BlockEnd ||
        current().is_operator(")")) {
      break;
    }
    target.parts.push_back(parse_target_part(may_have_member));
    if (!current().is_operator(",")) break;
    target.is_tuple = true;
  }
  if (target.parts.empty()) unexpected("a name");
  if (target.is_tuple) return target;
  return Target(std::move(target.parts[0]));
}

Target Parser::parse_target_part(bool may_have_member) {
  const CallDepth guard(nesting_);
  require_nesting(nesting_);
  if (skip_operator("(")) {
    Target target;
    if (!current().is_operator(")")) {
      target = parse_target(false);
    } else {
      target.is_tuple = true;
    }
    expect_operator(")");
    return target;
  }
  Target target;
  const std::string name = expect_name("a name to assign to");
  if (may_have_member && skip_operator(".")) {
    note_load(name);
    target.symbol = names_.intern(name);
    target.member = expect_name("the name of a member");
    return target;
  }
  target.symbol = store(name);
  return target;
}

}  // namespace mpq::text::jinja
