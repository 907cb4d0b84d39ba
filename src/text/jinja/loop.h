#pragma once
// {% for %} and its variable "loop".
#include "node.h"

namespace mpq::text::jinja {

struct ForStatement : Statement {
  Target target;
  ExpressionPointer items, test;  // test: null without "if"
  Body body, otherwise;
  bool is_recursive = false;
  Symbol loop = -1;

  Flow execute(Frame& frame) const override;
  /// All of the loop over `values`, at a depth of recursion.
  Flow run(Frame& frame, const Value& values, int64_t depth) const;
};

}  // namespace mpq::text::jinja
