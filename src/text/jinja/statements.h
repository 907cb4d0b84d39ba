#pragma once
// The kinds of statements; loops are in loop.h and macros in macro.h.
#include "expressions.h"
#include "node.h"

namespace mpq::text::jinja {

struct DataStatement : Statement {
  explicit DataStatement(std::string text) : text(std::move(text)) {}
  Flow execute(Frame& frame) const override;
  std::string text;
};

struct OutputStatement : Statement {
  explicit OutputStatement(ExpressionPointer value) : value(std::move(value)) {}
  Flow execute(Frame& frame) const override;
  ExpressionPointer value;
};

struct AssignStatement : Statement {
  AssignStatement(Target target, ExpressionPointer value)
      : target(std::move(target)), value(std::move(value)) {}
  Flow execute(Frame& frame) const override;
  Target target;
  ExpressionPointer value;
};

/// {% set x | filter %}...{% endset %}. `value`: the filters over a CapturedNode.
struct AssignBlockStatement : Statement {
  AssignBlockStatement(Target target, ExpressionPointer value, Body body)
      : target(std::move(target)), value(std::move(value)), body(std::move(body)) {}
  Flow execute(Frame& frame) const override;
  Target target;
  ExpressionPointer value;
  Body body;
};

struct IfStatement : Statement {
  struct Branch {
    ExpressionPointer test;  // null for else
    Body body;
  };
  explicit IfStatement(std::vector<Branch> branches) : branches(std::move(branches)) {}
  Flow execute(Frame& frame) const override;
  std::vector<Branch> branches;
};

struct FilterBlockStatement : Statement {
  FilterBlockStatement(ExpressionPointer value, Body body)
      : value(std::move(value)), body(std::move(body)) {}
  Flow execute(Frame& frame) const override;
  ExpressionPointer value;
  Body body;
};

struct WithStatement : Statement {
  using Assignments = std::vector<std::pair<Target, ExpressionPointer>>;
  WithStatement(Assignments assignments, Body body)
      : assignments(std::move(assignments)), body(std::move(body)) {}
  Flow execute(Frame& frame) const override;
  Assignments assignments;
  Body body;
};

/// {% generation %} (in a scope of its own) and {% block %} (which sees the template's own scope,
/// unless it is "scoped").
struct ScopeStatement : Statement {
  ScopeStatement(Body body, bool is_at_root) : body(std::move(body)), is_at_root(is_at_root) {}
  Flow execute(Frame& frame) const override;
  Body body;
  bool is_at_root;
};

/// {% break %} and {% continue %}.
struct LeaveStatement : Statement {
  explicit LeaveStatement(Flow flow) : flow(flow) {}
  Flow execute(Frame& frame) const override { return flow; }
  Flow flow;
};

}  // namespace mpq::text::jinja
