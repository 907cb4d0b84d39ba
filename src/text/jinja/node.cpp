// Evaluation that all nodes share: limits, lines, arguments and targets.
#include "node.h"

#include "operations.h"

namespace mpq::text::jinja {

Value evaluate(const Expression& expression, Frame& frame) {
  const CallDepth guard(frame.run.depth);
  Budget::spend_steps(1);
  const int outer = std::exchange(frame.run.line, expression.line);
  Value value = expression.compute(frame);
  frame.run.line = outer;
  return value;
}

Flow execute(const Body& body, Frame& frame) {
  const CallDepth guard(frame.run.depth);
  for (const auto& statement : body) {
    Budget::spend_steps(1);
    frame.run.line = statement->line;
    const Flow flow = statement->execute(frame);
    if (flow != Flow::Next) return flow;
  }
  return Flow::Next;
}

std::string captured(const Body& body, Frame& frame, Flow& flow) {
  std::string out;
  Frame inner{frame.run, std::make_shared<Scope>(frame.scope), out};
  flow = execute(body, inner);
  Budget::spend_bytes(out.size());
  return out;
}

Arguments ArgumentNodes::evaluate(Frame& frame) const {
  Arguments arguments;
  for (const auto& node : positional) {
    arguments.positional.push_back(jinja::evaluate(*node, frame));
  }
  for (const auto& [name, node] : named) {
    arguments.named.emplace_back(name, jinja::evaluate(*node, frame));
  }
  if (spread) {
    for (Value& item : items_of(jinja::evaluate(*spread, frame))) {
      arguments.positional.push_back(std::move(item));
    }
  }
  if (!named_spread) return arguments;
  const Value mapping = jinja::evaluate(*named_spread, frame);
  if (!mapping.is(Kind::Dict))
    raise("argument after ** must be a mapping, not {}", type_name(mapping));
  for (const auto& [key, value] : mapping.as_dict().entries()) {
    if (!key.is_text()) raise("keywords must be strings");
    for (const auto& [name, ignored] : arguments.named) {
      if (name == key.as_text()) raise("got multiple values for keyword argument '{}'", name);
    }
    arguments.named.emplace_back(key.as_text(), value);
  }
  return arguments;
}

void Target::require_namespaces(Frame& frame) const {
  for (const Target& part : parts) part.require_namespaces(frame);
  if (member.empty()) return;
  const Value* owner = frame.scope->find(symbol);
  if (!owner || !owner->object_as<Namespace>()) {
    raise("cannot assign attribute on non-namespace object");
  }
}

void Target::assign(Frame& frame, const Value& value) const {
  if (!is_tuple) {
    if (member.empty()) return frame.scope->set(symbol, value);
    require_namespaces(frame);
    const Value owner = *frame.scope->find(symbol);
    return owner.object_as<Namespace>()->set(member, value);
  }
  const Iteration iteration = iterate(value);
  std::vector<Value> items;
  for (Value item; items.size() <= parts.size() && iteration.next(item);) items.push_back(item);
  if (items.size() > parts.size()) raise("too many values to unpack (expected {})", parts.size());
  if (items.size() < parts.size()) {
    raise("not enough values to unpack (expected {}, got {})", parts.size(), items.size());
  }
  for (size_t i = 0; i < parts.size(); ++i) parts[i].assign(frame, items[i]);
}

}  // namespace mpq::text::jinja
