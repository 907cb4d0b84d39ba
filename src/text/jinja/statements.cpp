// What statements write and assign.
#include "statements.h"

#include "bound_arguments.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

// The value of filters over what was captured; a block inside may have captured in between.
Value filtered(const Expression& value, std::string text, Frame& frame) {
  Value outer = std::exchange(frame.run.captured, Value::text(std::move(text)));
  Value result = evaluate(value, frame);
  frame.run.captured = std::move(outer);
  return result;
}

}  // namespace

Flow DataStatement::execute(Frame& frame) const {
  frame.write(text);
  return Flow::Next;
}

Flow OutputStatement::execute(Frame& frame) const {
  frame.write(to_text(evaluate(*value, frame)));
  return Flow::Next;
}

Flow AssignStatement::execute(Frame& frame) const {
  target.require_namespaces(frame);
  target.assign(frame, evaluate(*value, frame));
  return Flow::Next;
}

Flow AssignBlockStatement::execute(Frame& frame) const {
  target.require_namespaces(frame);
  Flow flow = Flow::Next;
  std::string text = captured(body, frame, flow);
  if (flow != Flow::Next) return flow;
  Frame inner = frame.inner();
  target.assign(frame, filtered(*value, std::move(text), inner));
  return Flow::Next;
}

Flow IfStatement::execute(Frame& frame) const {
  for (const Branch& branch : branches) {
    if (!branch.test || is_true(evaluate(*branch.test, frame))) {
      return jinja::execute(branch.body, frame);
    }
  }
  return Flow::Next;
}

Flow FilterBlockStatement::execute(Frame& frame) const {
  Flow flow = Flow::Next;
  std::string text = captured(body, frame, flow);
  if (flow != Flow::Next) return flow;
  Frame inner = frame.inner();
  frame.write(require_text(filtered(*value, std::move(text), inner)));
  return Flow::Next;
}

Flow WithStatement::execute(Frame& frame) const {
  Frame inner = frame.inner();
  for (const auto& [target, value] : assignments) target.assign(inner, evaluate(*value, frame));
  return jinja::execute(body, inner);
}

Flow ScopeStatement::execute(Frame& frame) const {
  Frame inner{frame.run, std::make_shared<Scope>(is_at_root ? frame.run.root : frame.scope),
              frame.out};
  return jinja::execute(body, inner);
}

}  // namespace mpq::text::jinja
