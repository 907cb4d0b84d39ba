#pragma once
// {% macro %} and {% call %}.
#include "expressions.h"
#include "node.h"

namespace mpq::text::jinja {

/// What can be called with arguments: a macro, or the body of a call block.
struct MacroDefinition {
  std::string name;  // empty for a call block
  std::vector<Symbol> parameters;
  std::vector<std::string> parameter_names;
  Expressions defaults;  // of the last parameters
  Body body;
  // Whether the body uses these without having them as parameters.
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
  Symbol caller = -1, kwargs = -1, varargs = -1;

  bool has_parameter(const std::string& parameter) const;
};

/// A function that writes the body in a scope inside the frame's.
Value macro_value(const MacroDefinition& definition, const Frame& frame);

struct MacroStatement : Statement {
  Flow execute(Frame& frame) const override;
  Symbol symbol = -1;
  MacroDefinition definition;
};

struct CallBlockStatement : Statement {
  Flow execute(Frame& frame) const override;
  std::unique_ptr<CallNode> call;
  MacroDefinition definition;
};

}  // namespace mpq::text::jinja
