#pragma once
// The kinds of expressions.
#include "filters.h"
#include "node.h"

namespace mpq::text::jinja {

struct Literal : Expression {
  explicit Literal(Value constant) : constant(std::move(constant)) {}
  Value compute(Frame& frame) const override { return constant; }
  Value constant;
};

struct NameNode : Expression {
  explicit NameNode(Symbol symbol) : symbol(symbol) {}
  Value compute(Frame& frame) const override;
  Symbol symbol;
};

/// What a filter block or a block assignment has captured.
struct CapturedNode : Expression {
  Value compute(Frame& frame) const override { return frame.run.captured; }
};

struct SequenceNode : Expression {
  SequenceNode(Expressions items, bool is_tuple) : items(std::move(items)), is_tuple(is_tuple) {}
  Value compute(Frame& frame) const override;
  Expressions items;
  bool is_tuple;
};

struct DictNode : Expression {
  using Entries = std::vector<std::pair<ExpressionPointer, ExpressionPointer>>;
  explicit DictNode(Entries entries) : entries(std::move(entries)) {}
  Value compute(Frame& frame) const override;
  Entries entries;
};

struct AttributeNode : Expression {
  AttributeNode(ExpressionPointer owner, std::string name)
      : owner(std::move(owner)), name(std::move(name)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer owner;
  std::string name;
};

struct ItemNode : Expression {
  ItemNode(ExpressionPointer owner, ExpressionPointer key)
      : owner(std::move(owner)), key(std::move(key)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer owner, key;
};

struct SliceNode : Expression {
  SliceNode(ExpressionPointer owner, Expressions bounds)
      : owner(std::move(owner)), bounds(std::move(bounds)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer owner;
  Expressions bounds;  // start, stop, step; null where absent
};

struct CallNode : Expression {
  CallNode(ExpressionPointer callee, ArgumentNodes arguments)
      : callee(std::move(callee)), arguments(std::move(arguments)) {}
  Value compute(Frame& frame) const override { return call(frame, nullptr); }
  /// `caller`: what a call block hands over, or null.
  Value call(Frame& frame, const Value* caller) const;
  ExpressionPointer callee;
  ArgumentNodes arguments;
};

struct FilterNode : Expression {
  FilterNode(ExpressionPointer subject, std::string name, ArgumentNodes arguments)
      : subject(std::move(subject)),
        name(std::move(name)),
        filter(find_filter(this->name)),
        arguments(std::move(arguments)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer subject;
  std::string name;
  Filter filter;  // null when there is none of that name
  ArgumentNodes arguments;
};

struct TestNode : Expression {
  TestNode(ExpressionPointer subject, std::string name, ArgumentNodes arguments)
      : subject(std::move(subject)),
        name(std::move(name)),
        test(find_test(this->name)),
        arguments(std::move(arguments)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer subject;
  std::string name;
  Filter test;
  ArgumentNodes arguments;
};

struct UnaryNode : Expression {
  UnaryNode(char operation, ExpressionPointer operand)
      : operation(operation), operand(std::move(operand)) {}
  Value compute(Frame& frame) const override;
  char operation;  // - + or ! for not
  ExpressionPointer operand;
};

struct BinaryNode : Expression {
  BinaryNode(std::string operation, ExpressionPointer left, ExpressionPointer right)
      : operation(std::move(operation)), left(std::move(left)), right(std::move(right)) {}
  Value compute(Frame& frame) const override;
  std::string operation;
  ExpressionPointer left, right;
};

/// and, or.
struct LogicNode : Expression {
  LogicNode(bool is_and, ExpressionPointer left, ExpressionPointer right)
      : is_and(is_and), left(std::move(left)), right(std::move(right)) {}
  Value compute(Frame& frame) const override;
  bool is_and;
  ExpressionPointer left, right;
};

struct ConcatNode : Expression {
  explicit ConcatNode(Expressions parts) : parts(std::move(parts)) {}
  Value compute(Frame& frame) const override;
  Expressions parts;
};

/// a < b < c, with "in" and "not in".
struct CompareNode : Expression {
  using Operands = std::vector<std::pair<std::string, ExpressionPointer>>;
  CompareNode(ExpressionPointer first, Operands operands)
      : first(std::move(first)), operands(std::move(operands)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer first;
  Operands operands;
};

struct ConditionalNode : Expression {
  ConditionalNode(ExpressionPointer test, ExpressionPointer yes, ExpressionPointer no)
      : test(std::move(test)), yes(std::move(yes)), no(std::move(no)) {}
  Value compute(Frame& frame) const override;
  ExpressionPointer test, yes, no;  // no: null without else
};

}  // namespace mpq::text::jinja
