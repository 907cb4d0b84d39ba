// Expressions by precedence, from the weakest operator to the strongest.
#include "parser.h"

namespace mpq::text::jinja {
namespace {

bool is_one_of(const Token& token, std::initializer_list<std::string_view> operators) {
  if (token.kind != TokenKind::Operator) return false;
  return std::find(operators.begin(), operators.end(), token.text) != operators.end();
}

}  // namespace

ExpressionPointer Parser::parse_expression() {
  const CallDepth guard(nesting_);
  require_nesting(nesting_);
  return parse_condition();
}

ExpressionPointer Parser::parse_condition() {
  int line = current().line;
  const size_t unknown = unknown_.size();
  ExpressionPointer value = parse_or();
  while (skip_name("if")) {
    ExpressionPointer test = parse_or();
    ExpressionPointer otherwise;
    if (skip_name("else")) {
      const CallDepth guard(nesting_);
      require_nesting(nesting_);
      otherwise = parse_condition();
    }
    unknown_.resize(std::min(unknown, unknown_.size()));
    value =
        make_node<ConditionalNode>(line, std::move(test), std::move(value), std::move(otherwise));
    line = current().line;
  }
  return value;
}

ExpressionPointer Parser::parse_or() {
  const int line = current().line;
  ExpressionPointer left = parse_and();
  while (skip_name("or")) {
    left = make_node<LogicNode>(line, false, std::move(left), parse_and());
  }
  return left;
}

ExpressionPointer Parser::parse_and() {
  const int line = current().line;
  ExpressionPointer left = parse_not();
  while (skip_name("and")) left = make_node<LogicNode>(line, true, std::move(left), parse_not());
  return left;
}

ExpressionPointer Parser::parse_not() {
  const int line = current().line;
  if (!skip_name("not")) return parse_comparison();
  const CallDepth guard(nesting_);
  require_nesting(nesting_);
  return make_node<UnaryNode>(line, '!', parse_not());
}

ExpressionPointer Parser::parse_comparison() {
  const int line = current().line;
  ExpressionPointer first = parse_sum();
  CompareNode::Operands operands;
  for (;;) {
    std::string operation;
    if (is_one_of(current(), {"==", "!=", "<", "<=", ">", ">="})) {
      operation = next().text;
    } else if (skip_name("in")) {
      operation = "in";
    } else if (current().is_name("not") && ahead().is_name("in")) {
      at_ += 2;
      operation = "not in";
    } else {
      break;
    }
    operands.emplace_back(operation, parse_sum());
  }
  if (operands.empty()) return first;
  return make_node<CompareNode>(line, std::move(first), std::move(operands));
}

ExpressionPointer Parser::parse_sum() {
  const int line = current().line;
  ExpressionPointer left = parse_concatenation();
  while (is_one_of(current(), {"+", "-"})) {
    const std::string operation = next().text;
    left = make_node<BinaryNode>(line, operation, std::move(left), parse_concatenation());
  }
  return left;
}

ExpressionPointer Parser::parse_concatenation() {
  const int line = current().line;
  Expressions parts;
  parts.push_back(parse_product());
  while (skip_operator("~")) parts.push_back(parse_product());
  if (parts.size() == 1) return std::move(parts[0]);
  return make_node<ConcatNode>(line, std::move(parts));
}

ExpressionPointer Parser::parse_product() {
  const int line = current().line;
  ExpressionPointer left = parse_power();
  while (is_one_of(current(), {"*", "/", "//", "%"})) {
    const std::string operation = next().text;
    left = make_node<BinaryNode>(line, operation, std::move(left), parse_power());
  }
  return left;
}

ExpressionPointer Parser::parse_power() {
  const int line = current().line;
  ExpressionPointer left = parse_unary(true);
  while (skip_operator("**")) {  // from the left, as jinja2 groups it
    left = make_node<BinaryNode>(line, "**", std::move(left), parse_unary(true));
  }
  return left;
}

ExpressionPointer Parser::parse_unary(bool with_filter) {
  const CallDepth guard(nesting_);
  require_nesting(nesting_);
  const int line = current().line;
  ExpressionPointer node;
  if (is_one_of(current(), {"-", "+"})) {
    const char operation = next().text[0];
    node = make_node<UnaryNode>(line, operation, parse_unary(false));
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filter ? parse_filters(std::move(node)) : std::move(node);
}

// One expression, or several with commas between them: a tuple.
ExpressionPointer Parser::parse_tuple(bool with_condition, bool in_parentheses) {
  const int line = current().line;
  Expressions items;
  bool is_tuple = false;
  const auto at_end = [&] {
    const TokenKind kind = current().kind;
    return kind == TokenKind::VariableEnd || kind == TokenKind::BlockEnd ||
           current().is_operator(")");
  };
  for (;;) {
    if (!items.empty()) expect_operator(",");
    if (at_end()) break;
    items.push_back(with_condition ? parse_expression() : parse_or());
    if (!current().is_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (items.empty() && !in_parentheses) unexpected("an expression");
  return make_node<SequenceNode>(line, std::move(items), true);
}

}  // namespace mpq::text::jinja
