// Calling macros: arguments, defaults, caller, kwargs and varargs as jinja2 binds them.
#include "macro.h"

#include <algorithm>

#include "bound_arguments.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

class Macro : public Object {
 public:
  Macro(const MacroDefinition& definition, const Frame& frame)
      : Object("Macro", true, 0), definition_(definition), run_(frame.run), scope_(frame.scope) {}

  std::string repr() override {
    return definition_.name.empty() ? "<Macro anonymous>"
                                    : "<Macro " + text_repr(definition_.name) + ">";
  }
  std::optional<Value> attribute(const std::string& name) override;
  Value call(const Arguments& arguments) override;

 private:
  void bind_parameters(Frame& frame, const Arguments& arguments, Dict& named);
  void bind_specials(Frame& frame, const Arguments& arguments, Dict& named);

  const MacroDefinition& definition_;
  Run& run_;
  std::shared_ptr<Scope> scope_;
};

std::optional<Value> Macro::attribute(const std::string& name) {
  if (name == "name") {
    return definition_.name.empty() ? Value::none() : Value::text(definition_.name);
  }
  if (name == "arguments") {
    std::vector<Value> names;
    for (const std::string& parameter : definition_.parameter_names) {
      names.push_back(Value::text(parameter));
    }
    return Value::tuple(std::move(names));
  }
  if (name == "catch_kwargs") return Value::boolean(definition_.uses_kwargs);
  if (name == "catch_varargs") return Value::boolean(definition_.uses_varargs);
  if (name == "caller") return Value::boolean(definition_.uses_caller);
  return std::nullopt;
}

// A dict without one key.
Value taken(Dict& dict, const std::string& name) {
  const Value value = *dict.find(name);
  Dict rest;
  for (const auto& [key, member] : dict.entries()) {
    if (key.as_text() != name) rest.set(key, member);
  }
  dict = std::move(rest);
  return value;
}

void Macro::bind_parameters(Frame& frame, const Arguments& arguments, Dict& named) {
  const size_t count = definition_.parameters.size();
  std::vector<size_t> missing;
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = definition_.parameter_names[i];
    if (i < arguments.positional.size()) {
      frame.scope->set(definition_.parameters[i], arguments.positional[i]);
    } else if (named.find(name)) {
      frame.scope->set(definition_.parameters[i], taken(named, name));
    } else {
      // Undefined rather than what is outside, until its default is known.
      frame.scope->set(definition_.parameters[i],
                       Value::undefined(fmt::format("parameter '{}' was not provided", name)));
      missing.push_back(i);
    }
  }
  const size_t first_default = count - definition_.defaults.size();
  bind_specials(frame, arguments, named);
  for (const size_t i : missing) {
    if (i < first_default) continue;
    frame.scope->set(definition_.parameters[i],
                     evaluate(*definition_.defaults[i - first_default], frame));
  }
}

void Macro::bind_specials(Frame& frame, const Arguments& arguments, Dict& named) {
  const MacroDefinition& macro = definition_;
  if (macro.uses_caller && !macro.has_parameter("caller")) {
    frame.scope->set(macro.caller, named.find("caller") ? taken(named, "caller")
                                                        : Value::undefined("No caller defined"));
  }
  if (macro.uses_kwargs) {
    frame.scope->set(macro.kwargs, Value::dict(named));
  } else if (named.size() > 0) {
    raise("macro '{}' takes no keyword argument {}", macro.name, to_repr(named.entries()[0].first));
  }
  const auto& values = arguments.positional;
  const size_t count = macro.parameters.size();
  if (macro.uses_varargs) {
    const auto begin = values.begin() + static_cast<ptrdiff_t>(std::min(count, values.size()));
    frame.scope->set(macro.varargs, Value::tuple({begin, values.end()}));
  } else if (values.size() > count) {
    raise("macro '{}' takes not more than {} argument(s)", macro.name, count);
  }
}

Value Macro::call(const Arguments& arguments) {
  const CallDepth guard(run_.depth);
  Dict named;
  for (const auto& [name, value] : arguments.named) named.set(Value::text(name), value);
  std::string out;
  Frame frame{run_, std::make_shared<Scope>(scope_), out};
  bind_parameters(frame, arguments, named);
  execute(definition_.body, frame);
  Budget::spend_bytes(out.size());
  return Value::text(std::move(out));
}

}  // namespace

bool MacroDefinition::has_parameter(const std::string& parameter) const {
  return std::find(parameter_names.begin(), parameter_names.end(), parameter) !=
         parameter_names.end();
}

Value macro_value(const MacroDefinition& definition, const Frame& frame) {
  if (frame.run.scopes.empty() || frame.run.scopes.back() != frame.scope) {
    frame.run.scopes.push_back(frame.scope);
    Budget::spend_bytes(sizeof(Scope));
  }
  return Value::object(std::make_shared<Macro>(definition, frame));
}

Flow MacroStatement::execute(Frame& frame) const {
  frame.scope->set(symbol, macro_value(definition, frame));
  return Flow::Next;
}

Flow CallBlockStatement::execute(Frame& frame) const {
  const Value caller = macro_value(definition, frame);
  frame.write(require_text(call->call(frame, &caller)));
  return Flow::Next;
}

}  // namespace mpq::text::jinja
