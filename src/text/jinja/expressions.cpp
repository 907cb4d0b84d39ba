// How expressions get their values.
#include "expressions.h"

#include "operations.h"

namespace mpq::text::jinja {
namespace {

// What a filter or call has made counts, once.
Value counted(Value value) {
  if (value.is_text()) Budget::spend_bytes(value.as_text().size());
  if (value.is_sequence()) Budget::spend_bytes(value.items().size() * sizeof(Value));
  return value;
}

bool holds(const std::string& operation, const Value& left, const Value& right) {
  if (operation == "in") return contains(right, left);
  if (operation == "not in") return !contains(right, left);
  return compare(operation, left, right);
}

}  // namespace

Value NameNode::compute(Frame& frame) const {
  if (const Value* value = frame.scope->find(symbol)) return *value;
  return Value::undefined(fmt::format("'{}' is undefined", frame.run.names.name(symbol)));
}

Value SequenceNode::compute(Frame& frame) const {
  std::vector<Value> values;
  for (const auto& item : items) values.push_back(evaluate(*item, frame));
  return is_tuple ? Value::tuple(std::move(values)) : Value::list(std::move(values));
}

Value DictNode::compute(Frame& frame) const {
  Dict dict;
  for (const auto& [key, value] : entries) {
    const Value name = evaluate(*key, frame);
    dict.set(name, evaluate(*value, frame));
  }
  return Value::dict(std::move(dict));
}

Value AttributeNode::compute(Frame& frame) const {
  return get_attribute(evaluate(*owner, frame), name);
}

Value ItemNode::compute(Frame& frame) const {
  const Value value = evaluate(*owner, frame);
  return get_item(value, evaluate(*key, frame));
}

Value SliceNode::compute(Frame& frame) const {
  const Value value = evaluate(*owner, frame);
  const auto bound = [&](size_t index) {
    return bounds[index] ? evaluate(*bounds[index], frame) : Value::none();
  };
  const Value start = bound(0), stop = bound(1), step = bound(2);
  return get_slice(value, start, stop, step);
}

Value CallNode::call(Frame& frame, const Value* caller) const {
  const Value function = evaluate(*callee, frame);
  Arguments values = arguments.evaluate(frame);
  if (caller) values.named.emplace_back("caller", *caller);
  if (function.is_undefined()) raise("{}", function.reason());
  if (!function.is(Kind::Object)) raise("'{}' object is not callable", type_name(function));
  return function.as_object().call(values);
}

Value FilterNode::compute(Frame& frame) const {
  const Value value = evaluate(*subject, frame);
  const Arguments values = arguments.evaluate(frame);
  if (!filter) raise("No filter named '{}' found.", name);
  return counted(filter(value, values));
}

Value TestNode::compute(Frame& frame) const {
  const Value value = evaluate(*subject, frame);
  const Arguments values = arguments.evaluate(frame);
  if (!test) raise("No test named '{}' found.", name);
  return test(value, values);
}

Value UnaryNode::compute(Frame& frame) const {
  const Value value = evaluate(*operand, frame);
  if (operation == '!') return Value::boolean(!is_true(value));
  return operation == '-' ? negated(value) : positive(value);
}

Value BinaryNode::compute(Frame& frame) const {
  const Value value = evaluate(*left, frame);
  return arithmetic(operation, value, evaluate(*right, frame));
}

Value LogicNode::compute(Frame& frame) const {
  Value value = evaluate(*left, frame);
  return is_true(value) == is_and ? evaluate(*right, frame) : value;
}

Value ConcatNode::compute(Frame& frame) const {
  std::string text;
  for (const auto& part : parts) {
    text += to_text(evaluate(*part, frame));
    require_text_size(text.size());
  }
  return counted(Value::text(std::move(text)));
}

Value CompareNode::compute(Frame& frame) const {
  Value left = evaluate(*first, frame);
  for (const auto& [operation, operand] : operands) {
    Value right = evaluate(*operand, frame);
    if (!holds(operation, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value ConditionalNode::compute(Frame& frame) const {
  if (is_true(evaluate(*test, frame))) return evaluate(*yes, frame);
  if (no) return evaluate(*no, frame);
  return Value::undefined(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined",
      line));
}

}  // namespace mpq::text::jinja
