// Macros, call blocks and the other blocks with a scope of their own.
#include "parser.h"

namespace mpq::text::jinja {

void Parser::note_load(const std::string& name) {
  for (Specials& macro : macros_) {
    if (name == "caller" && !macro.stores_caller) macro.caller = true;
    if (name == "kwargs" && !macro.stores_kwargs) macro.kwargs = true;
    if (name == "varargs" && !macro.stores_varargs) macro.varargs = true;
  }
}

void Parser::note_store(const std::string& name) {
  for (Specials& macro : macros_) {
    if (name == "caller") macro.stores_caller = true;
    if (name == "kwargs") macro.stores_kwargs = true;
    if (name == "varargs") macro.stores_varargs = true;
  }
}

void Parser::parse_signature(MacroDefinition& definition) {
  expect_operator("(");
  while (!current().is_operator(")")) {
    if (!definition.parameters.empty()) expect_operator(",");
    const int line = current().line;
    const std::string name = expect_name("the name of a parameter");
    if (definition.has_parameter(name)) syntax_error(line, "duplicate argument '{}'", name);
    for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
      if (name == constant) syntax_error(line, "can't assign to '{}'", name);
    }
    note_store(name);
    if (skip_operator("=")) {
      definition.defaults.push_back(parse_expression());
    } else if (!definition.defaults.empty()) {
      syntax_error(line, "non-default argument follows default argument");
    }
    definition.parameters.push_back(names_.intern(name));
    definition.parameter_names.push_back(name);
  }
  expect_operator(")");
}

// A body that is a function: loops around it cannot be left from inside.
Body Parser::parse_macro_body(MacroDefinition& definition, std::string_view end) {
  const int line = current().line;
  const int outer = std::exchange(loops_, 0);
  macros_.emplace_back();
  Body body = parse_block({end});
  next();
  const Specials used = macros_.back();
  macros_.pop_back();
  loops_ = outer;
  definition.caller = names_.intern("caller");
  definition.kwargs = names_.intern("kwargs");
  definition.varargs = names_.intern("varargs");
  definition.uses_caller = used.caller;
  definition.uses_kwargs = used.kwargs && !definition.has_parameter("kwargs");
  definition.uses_varargs = used.varargs && !definition.has_parameter("varargs");
  const auto& names = definition.parameter_names;
  const auto caller = std::find(names.begin(), names.end(), "caller");
  if (used.caller && names.end() - caller > static_cast<ptrdiff_t>(definition.defaults.size())) {
    syntax_error(line, "the special \"caller\" argument must be omitted or be given a default");
  }
  return body;
}

std::unique_ptr<Statement> Parser::parse_macro() {
  auto statement = std::make_unique<MacroStatement>();
  statement->line = next().line;
  statement->definition.name = expect_name("the name of the macro");
  statement->symbol = store(statement->definition.name);
  const size_t unknown = unknown_.size();
  parse_signature(statement->definition);
  statement->definition.body = parse_macro_body(statement->definition, "endmacro");
  reject_unknown(unknown);
  return statement;
}

std::unique_ptr<Statement> Parser::parse_call_block() {
  auto statement = std::make_unique<CallBlockStatement>();
  statement->line = next().line;
  if (current().is_operator("(")) parse_signature(statement->definition);
  ExpressionPointer call = parse_expression();
  if (!dynamic_cast<CallNode*>(call.get())) syntax_error(statement->line, "expected call");
  statement->call.reset(static_cast<CallNode*>(call.release()));
  const size_t unknown = unknown_.size();
  statement->definition.body = parse_macro_body(statement->definition, "endcall");
  reject_unknown(unknown);
  return statement;
}

std::unique_ptr<Statement> Parser::parse_filter_block() {
  const int line = next().line;
  const size_t unknown = unknown_.size();
  ExpressionPointer value = parse_filter_chain(make_node<CapturedNode>(line), true);
  Body body = parse_block({"endfilter"});
  next();
  reject_unknown(unknown);
  return make_statement<FilterBlockStatement>(line, std::move(value), std::move(body));
}

std::unique_ptr<Statement> Parser::parse_with() {
  const int line = next().line;
  WithStatement::Assignments assignments;
  while (current().kind != TokenKind::BlockEnd) {
    if (!assignments.empty()) expect_operator(",");
    Target target = parse_target(false);
    expect_operator("=");
    assignments.emplace_back(std::move(target), parse_expression());
  }
  const size_t unknown = unknown_.size();
  Body body = parse_block({"endwith"});
  next();
  reject_unknown(unknown);
  return make_statement<WithStatement>(line, std::move(assignments), std::move(body));
}

std::unique_ptr<Statement> Parser::parse_named_block() {
  const Token tag = next();
  bool is_at_root = false;
  std::string name;
  if (tag.text == "block") {
    name = expect_name("the name of the block");
    if (std::find(block_names_.begin(), block_names_.end(), name) != block_names_.end()) {
      syntax_error(tag.line, "block '{}' defined twice", name);
    }
    block_names_.push_back(name);
    is_at_root = !skip_name("scoped");
    if (current().is_name("required")) {
      fail(ErrorCode::Unsupported, "line {}: required blocks are not supported", tag.line);
    }
  }
  const size_t unknown = unknown_.size();
  const int outer = std::exchange(loops_, 0);
  Body body = parse_block({tag.text == "block" ? "endblock" : "endgeneration"});
  next();
  if (!name.empty()) skip_name(name);
  loops_ = outer;
  reject_unknown(unknown);
  return make_statement<ScopeStatement>(tag.line, std::move(body), is_at_root);
}

}  // namespace mpq::text::jinja
