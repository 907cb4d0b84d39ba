#pragma once
// What the parser makes: expressions that have a value, statements that write.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "run.h"

namespace mpq::text::jinja {

class Expression {
 public:
  Expression() = default;
  virtual ~Expression() = default;
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  int line = 1;
  int height = 1;  // of the tree below

  virtual Value compute(Frame& frame) const = 0;
};
using ExpressionPointer = std::unique_ptr<Expression>;
using Expressions = std::vector<ExpressionPointer>;

/// The value, counted against the limits; an error knows the line.
Value evaluate(const Expression& expression, Frame& frame);

/// How a statement ends.
enum class Flow { Next, Break, Continue };

class Statement {
 public:
  Statement() = default;
  virtual ~Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  int line = 1;

  virtual Flow execute(Frame& frame) const = 0;
};
using Body = std::vector<std::unique_ptr<Statement>>;

Flow execute(const Body& body, Frame& frame);
/// What a body writes, in a scope inside the frame's. `flow`: how it ended.
std::string captured(const Body& body, Frame& frame, Flow& flow);

/// Arguments of a call, a filter or a test.
struct ArgumentNodes {
  Expressions positional;
  std::vector<std::pair<std::string, ExpressionPointer>> named;
  ExpressionPointer spread, named_spread;  // *x and **x

  Arguments evaluate(Frame& frame) const;
};

/// Where an assignment goes: a name, a member of a namespace, or a tuple of them.
struct Target {
  Symbol symbol = -1;
  std::string member;
  bool is_tuple = false;
  std::vector<Target> parts;

  /// Throws when a member's owner is not a namespace.
  void require_namespaces(Frame& frame) const;
  void assign(Frame& frame, const Value& value) const;
};

template <class T>
int height_of(const T&) {
  return 0;
}
inline int height_of(const ExpressionPointer& node) { return node ? node->height : 0; }
inline int height_of(const Expressions& nodes) {
  int height = 0;
  for (const auto& node : nodes) height = std::max(height, height_of(node));
  return height;
}
template <class T>
int height_of(const std::vector<std::pair<T, ExpressionPointer>>& nodes) {
  int height = 0;
  for (const auto& node : nodes)
    height = std::max({height, height_of(node.first), height_of(node.second)});
  return height;
}
inline int height_of(const ArgumentNodes& nodes) {
  return std::max({height_of(nodes.positional), height_of(nodes.named), height_of(nodes.spread),
                   height_of(nodes.named_spread)});
}

/// An expression node; throws when the tree gets too high to be evaluated.
template <class Node, class... Parts>
std::unique_ptr<Node> make_node(int line, Parts&&... parts) {
  const int height = std::max({0, height_of(parts)...}) + 1;
  require_nesting(height);
  auto node = std::make_unique<Node>(std::forward<Parts>(parts)...);
  node->line = line;
  node->height = height;
  return node;
}

template <class Node, class... Parts>
std::unique_ptr<Node> make_statement(int line, Parts&&... parts) {
  auto node = std::make_unique<Node>(std::forward<Parts>(parts)...);
  node->line = line;
  return node;
}

}  // namespace mpq::text::jinja
