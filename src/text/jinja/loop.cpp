// Loops: lazy as jinja2's, so that a filtered loop sees what its body has done.
#include "loop.h"

#include "bound_arguments.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

class Loop : public Object, public std::enable_shared_from_this<Loop> {
 public:
  Loop(const ForStatement& statement, const Frame& frame, Iteration source, int64_t depth,
       int nesting)
      : Object("LoopContext", true, nesting),
        statement_(statement),
        run_(frame.run),
        scope_(frame.scope),
        source_(std::move(source)),
        recursion_(depth),
        length_(source_.length) {}

  bool advance();
  const Value& current() const { return current_; }

  std::string repr() override { return fmt::format("<LoopContext {}/{}>", index_ + 1, length()); }
  std::optional<Value> attribute(const std::string& name) override;
  Value call(const Arguments& arguments) override;

 private:
  bool peek();
  int64_t length();
  std::optional<Value> place(const std::string& name);
  Value cycle(const Arguments& arguments) const;
  Value changed(const Arguments& arguments);

  const ForStatement& statement_;
  Run& run_;
  std::shared_ptr<Scope> scope_;
  Iteration source_;
  int64_t recursion_;
  std::optional<int64_t> length_;
  int64_t index_ = -1;
  Value previous_, current_, next_;
  bool has_next_ = false;
  std::optional<Value> last_changed_;
};

bool Loop::peek() {
  if (!has_next_) has_next_ = source_.next(next_);
  return has_next_;
}

bool Loop::advance() {
  Value item;
  if (has_next_) {
    item = std::move(next_);
    has_next_ = false;
  } else if (!source_.next(item)) {
    return false;
  }
  ++index_;
  previous_ = std::move(current_);
  current_ = std::move(item);
  return true;
}

// A generator is read to its end, as jinja2 does.
int64_t Loop::length() {
  if (length_) return *length_;
  std::vector<Value> rest;
  for (Value item; source_.next(item);) {
    rest.push_back(item);
    require_item_count(rest.size());
  }
  length_ = static_cast<int64_t>(rest.size()) + index_ + 1 + (has_next_ ? 1 : 0);
  source_.next = [rest = std::move(rest), at = size_t{0}](Value& item) mutable {
    if (at == rest.size()) return false;
    item = rest[at++];
    return true;
  };
  return *length_;
}

std::optional<Value> Loop::place(const std::string& name) {
  if (name == "index") return Value::integer(index_ + 1);
  if (name == "index0") return Value::integer(index_);
  if (name == "revindex") return Value::integer(length() - index_);
  if (name == "revindex0") return Value::integer(length() - index_ - 1);
  if (name == "first") return Value::boolean(index_ == 0);
  if (name == "last") return Value::boolean(!peek());
  if (name == "length") return Value::integer(length());
  if (name == "depth") return Value::integer(recursion_ + 1);
  if (name == "depth0") return Value::integer(recursion_);
  return std::nullopt;
}

std::optional<Value> Loop::attribute(const std::string& name) {
  if (auto value = place(name)) return value;
  if (name == "previtem") {
    return index_ == 0 ? Value::undefined("there is no previous item") : previous_;
  }
  if (name == "nextitem") return peek() ? next_ : Value::undefined("there is no next item");
  if (name == "cycle") {
    return function_value(
        name, [self = shared_from_this()](const Arguments& values) { return self->cycle(values); },
        depth() + 1);
  }
  if (name == "changed") {
    return function_value(
        name,
        [self = shared_from_this()](const Arguments& values) { return self->changed(values); },
        depth() + 1);
  }
  return std::nullopt;
}

Value Loop::cycle(const Arguments& arguments) const {
  const auto& values = arguments.positional;
  if (values.empty() || !arguments.named.empty()) raise("no items for cycling given");
  return values[static_cast<size_t>(index_) % values.size()];
}

Value Loop::changed(const Arguments& arguments) {
  if (!arguments.named.empty()) raise("changed() takes no keyword arguments");
  const Value value = Value::tuple(arguments.positional);
  const bool differs = !last_changed_ || !equals(*last_changed_, value);
  last_changed_ = value;
  return Value::boolean(differs);
}

Value Loop::call(const Arguments& arguments) {
  const BoundArguments bound(arguments, "loop", {"iterable"}, 1);
  if (!statement_.is_recursive) {
    raise("The loop must have the 'recursive' marker to be called recursively.");
  }
  std::string out;
  Frame frame{run_, scope_, out};
  statement_.run(frame, bound[0], recursion_ + 1);
  return Value::text(std::move(out));
}

}  // namespace

Flow ForStatement::execute(Frame& frame) const {
  const Value values = evaluate(*items, frame);
  if (!is_recursive) return run(frame, values, 0);
  run(frame, values, 0);
  return Flow::Next;
}

Flow ForStatement::run(Frame& frame, const Value& values, int64_t depth) const {
  const CallDepth guard(frame.run.depth);
  Iteration source = iterate(values);
  if (test) {
    // The loop may outlive this frame, kept in a namespace.
    source = {
        [this, &run = frame.run, scope = frame.scope, next = std::move(source.next)](Value& item) {
          std::string ignored;
          while (next(item)) {
            Frame inner{run, std::make_shared<Scope>(scope), ignored};
            target.assign(inner, item);
            if (is_true(evaluate(*test, inner))) return true;
          }
          return false;
        },
        std::nullopt};
  }
  const auto state =
      std::make_shared<Loop>(*this, frame, std::move(source), depth, values.depth() + 1);
  const Value variable = Value::object(state);
  bool is_complete = false;  // one pass through the body at least
  while (state->advance()) {
    Budget::spend_steps(1);
    Frame inner = frame.inner();
    inner.scope->set(loop, variable);
    target.assign(inner, state->current());
    const Flow flow = jinja::execute(body, inner);
    if (flow == Flow::Break) break;
    is_complete = is_complete || flow == Flow::Next;
  }
  if (is_complete) return Flow::Next;
  Frame inner = frame.inner();
  return jinja::execute(otherwise, inner);
}

}  // namespace mpq::text::jinja
