// Literals, names, and what stands behind them: subscripts, calls, filters and tests.
#include "parser.h"

namespace mpq::text::jinja {

ExpressionPointer Parser::parse_primary() {
  const Token token = current();
  switch (token.kind) {
    case TokenKind::Name:
      return parse_name();
    case TokenKind::Text:
      return parse_text();
    case TokenKind::Integer:
      next();
      return make_node<Literal>(token.line, Value::integer(token.integer));
    case TokenKind::Float:
      next();
      return make_node<Literal>(token.line, Value::number(token.number));
    default:
      break;
  }
  if (token.is_operator("[")) return parse_list();
  if (token.is_operator("{")) return parse_dict();
  if (!skip_operator("(")) unexpected("an expression");
  ExpressionPointer node = parse_tuple(true, true);
  expect_operator(")");
  return node;
}

ExpressionPointer Parser::parse_name() {
  const Token token = next();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return make_node<Literal>(token.line, Value::boolean(true));
  if (name == "false" || name == "False") {
    return make_node<Literal>(token.line, Value::boolean(false));
  }
  if (name == "none" || name == "None") return make_node<Literal>(token.line, Value::none());
  note_load(name);
  return make_node<NameNode>(token.line, names_.intern(name));
}

ExpressionPointer Parser::parse_text() {
  const int line = current().line;
  std::string text;
  while (current().kind == TokenKind::Text) text += next().text;
  return make_node<Literal>(line, Value::text(std::move(text)));
}

ExpressionPointer Parser::parse_list() {
  const int line = next().line;
  Expressions items;
  while (!current().is_operator("]")) {
    if (!items.empty()) expect_operator(",");
    if (current().is_operator("]")) break;
    items.push_back(parse_expression());
  }
  expect_operator("]");
  return make_node<SequenceNode>(line, std::move(items), false);
}

ExpressionPointer Parser::parse_dict() {
  const int line = next().line;
  DictNode::Entries entries;
  while (!current().is_operator("}")) {
    if (!entries.empty()) expect_operator(",");
    if (current().is_operator("}")) break;
    ExpressionPointer key = parse_expression();
    expect_operator(":");
    entries.emplace_back(std::move(key), parse_expression());
  }
  expect_operator("}");
  return make_node<DictNode>(line, std::move(entries));
}

ExpressionPointer Parser::parse_postfix(ExpressionPointer node) {
  for (;;) {
    const int line = current().line;
    if (current().is_operator(".") || current().is_operator("[")) {
      node = parse_subscript(std::move(node));
    } else if (current().is_operator("(")) {
      node = make_node<CallNode>(line, std::move(node), parse_arguments());
    } else {
      return node;
    }
  }
}

ExpressionPointer Parser::parse_subscript(ExpressionPointer owner) {
  const Token token = next();
  if (token.text == ".") {
    const Token name = next();
    if (name.kind == TokenKind::Name) {
      return make_node<AttributeNode>(token.line, std::move(owner), name.text);
    }
    if (name.kind != TokenKind::Integer) syntax_error(name.line, "expected name or number");
    return make_node<ItemNode>(token.line, std::move(owner),
                               make_node<Literal>(name.line, Value::integer(name.integer)));
  }
  Expressions keys, bounds;
  bool is_slice = false;
  while (!current().is_operator("]")) {
    if (!keys.empty() || is_slice) expect_operator(",");
    if (is_slice) syntax_error(token.line, "invalid syntax: a slice among several subscripts");
    Expressions part;
    is_slice = parse_subscript_part(part);
    if (!is_slice) {
      keys.push_back(std::move(part[0]));
    } else if (!keys.empty()) {
      syntax_error(token.line, "invalid syntax: a slice among several subscripts");
    } else {
      bounds = std::move(part);
    }
  }
  expect_operator("]");
  if (is_slice) return make_node<SliceNode>(token.line, std::move(owner), std::move(bounds));
  ExpressionPointer key = keys.size() == 1
                              ? std::move(keys[0])
                              : make_node<SequenceNode>(token.line, std::move(keys), true);
  return make_node<ItemNode>(token.line, std::move(owner), std::move(key));
}

// True with three bounds for a slice, otherwise one key.
bool Parser::parse_subscript_part(Expressions& bounds) {
  if (!current().is_operator(":")) {
    bounds.push_back(parse_expression());
    if (!current().is_operator(":")) return false;
  } else {
    bounds.emplace_back();
  }
  const auto at_end = [&] { return current().is_operator("]") || current().is_operator(","); };
  next();
  const bool has_stop = !current().is_operator(":") && !at_end();
  bounds.push_back(has_stop ? parse_expression() : nullptr);
  if (skip_operator(":") && !at_end()) {
    bounds.push_back(parse_expression());
  } else {
    bounds.emplace_back();
  }
  return true;
}

ArgumentNodes Parser::parse_arguments() {
  const int line = current().line;
  ArgumentNodes arguments;
  const auto require_order = [&](bool ok) {
    if (!ok) syntax_error(line, "invalid syntax for function call expression");
  };
  expect_operator("(");
  for (bool is_first = true; !current().is_operator(")"); is_first = false) {
    if (!is_first) expect_operator(",");
    if (!is_first && current().is_operator(")")) break;
    if (skip_operator("*")) {
      require_order(!arguments.spread && !arguments.named_spread);
      arguments.spread = parse_expression();
    } else if (skip_operator("**")) {
      require_order(!arguments.named_spread);
      arguments.named_spread = parse_expression();
    } else if (current().kind == TokenKind::Name && ahead().is_operator("=")) {
      require_order(!arguments.named_spread);
      const std::string name = next().text;
      next();
      for (const auto& [other, value] : arguments.named) {
        if (other == name) syntax_error(line, "keyword argument repeated: {}", name);
      }
      arguments.named.emplace_back(name, parse_expression());
    } else {
      require_order(!arguments.spread && !arguments.named_spread && arguments.named.empty());
      arguments.positional.push_back(parse_expression());
    }
  }
  expect_operator(")");
  return arguments;
}

ExpressionPointer Parser::parse_filters(ExpressionPointer node) {
  for (;;) {
    const int line = current().line;
    if (current().is_operator("|")) {
      node = parse_filter_chain(std::move(node), false);
    } else if (current().is_name("is")) {
      node = parse_test(std::move(node));
    } else if (current().is_operator("(")) {
      node = make_node<CallNode>(line, std::move(node), parse_arguments());
    } else {
      return node;
    }
  }
}

ExpressionPointer Parser::parse_filter_chain(ExpressionPointer subject, bool starts_inline) {
  while (starts_inline || skip_operator("|")) {
    subject = parse_filter(std::move(subject));
    starts_inline = false;
  }
  return subject;
}

std::string Parser::parse_dotted_name(std::string_view what) {
  std::string name = expect_name(what);
  while (skip_operator(".")) name += "." + expect_name(what);
  return name;
}

ExpressionPointer Parser::parse_filter(ExpressionPointer subject) {
  const int line = current().line;
  const std::string name = parse_dotted_name("the name of a filter");
  ArgumentNodes arguments;
  if (current().is_operator("(")) arguments = parse_arguments();
  if (!find_filter(name)) unknown_.push_back({line, fmt::format("No filter named '{}'.", name)});
  return make_node<FilterNode>(line, std::move(subject), name, std::move(arguments));
}

ExpressionPointer Parser::parse_test(ExpressionPointer subject) {
  const int line = next().line;
  const bool is_negated = skip_name("not");
  const std::string name = parse_dotted_name("the name of a test");
  ArgumentNodes arguments;
  const Token& token = current();
  const bool is_value = token.kind == TokenKind::Name || token.kind == TokenKind::Text ||
                        token.kind == TokenKind::Integer || token.kind == TokenKind::Float ||
                        token.is_operator("[") || token.is_operator("{");
  if (token.is_operator("(")) {
    arguments = parse_arguments();
  } else if (is_value && !token.is_name("else") && !token.is_name("or") && !token.is_name("and")) {
    if (token.is_name("is")) syntax_error(line, "You cannot chain multiple tests with is");
    const CallDepth guard(nesting_);
    require_nesting(nesting_);
    arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  if (!find_test(name)) unknown_.push_back({line, fmt::format("No test named '{}'.", name)});
  ExpressionPointer node =
      make_node<TestNode>(line, std::move(subject), name, std::move(arguments));
  return is_negated ? make_node<UnaryNode>(line, '!', std::move(node)) : std::move(node);
}

}  // namespace mpq::text::jinja
