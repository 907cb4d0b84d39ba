// Functions, generators, ranges, views and namespaces.
#include "object.h"

#include "budget.h"
#include "operations.h"

namespace mpq::text::jinja {
namespace {

class Function : public Object {
 public:
  Function(std::string name, std::function<Value(const Arguments&)> body, int depth)
      : Object("builtin_function_or_method", true, depth),
        name_(std::move(name)),
        body_(std::move(body)) {}
  std::string repr() override { return "<built-in method " + name_ + ">"; }
  Value call(const Arguments& arguments) override { return body_(arguments); }

 private:
  std::string name_;
  std::function<Value(const Arguments&)> body_;
};

class Generator : public Object {
 public:
  Generator(std::string type, std::function<bool(Value&)> next, int depth)
      : Object(std::move(type), false, depth), next_(std::move(next)) {}
  std::optional<Iteration> iterate() override {
    return Iteration{[this](Value& item) { return next_(item); }, std::nullopt};
  }

 private:
  std::function<bool(Value&)> next_;
};

int64_t range_size(int64_t start, int64_t stop, int64_t step) {
  if (step == 0) raise("range() arg 3 must not be zero");
  const bool is_empty = step > 0 ? start >= stop : start <= stop;
  if (is_empty) return 0;
  const auto low = static_cast<uint64_t>(step > 0 ? start : stop);
  const auto high = static_cast<uint64_t>(step > 0 ? stop : start);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t size = (high - low - 1) / stride + 1;
  if (size > static_cast<uint64_t>(kMaxRange)) {
    fail(ErrorCode::Unsupported, "a range of {} items; the sandbox allows {}", size, kMaxRange);
  }
  return static_cast<int64_t>(size);
}

}  // namespace

Object::Object(std::string type, bool is_callable, int depth)
    : type_(std::move(type)), is_callable_(is_callable), depth_(depth) {
  require_nesting(depth);
  Budget::spend_bytes(sizeof(Object) + 64);
}

std::string Object::repr() { return "<" + type_ + " object>"; }

std::optional<Value> Object::attribute(const std::string& name) { return std::nullopt; }

Value Object::call(const Arguments& arguments) { raise("'{}' object is not callable", type_); }

std::optional<Iteration> Object::iterate() { return std::nullopt; }

Value function_value(std::string name, std::function<Value(const Arguments&)> body, int depth) {
  return Value::object(std::make_shared<Function>(std::move(name), std::move(body), depth));
}

Value generator_value(std::string type, std::function<bool(Value&)> next, int depth) {
  return Value::object(std::make_shared<Generator>(std::move(type), std::move(next), depth));
}

Value generator_value(std::string type, std::vector<Value> items) {
  const int depth = depth_around(items);
  return generator_value(
      std::move(type),
      [items = std::move(items), at = size_t{0}](Value& item) mutable {
        if (at == items.size()) return false;
        item = items[at++];
        return true;
      },
      depth);
}

Range::Range(int64_t start, int64_t stop, int64_t step)
    : Object("range", false, 0),
      start_(start),
      stop_(stop),
      step_(step),
      size_(range_size(start, stop, step)) {}

std::string Range::repr() {
  if (step_ == 1) return fmt::format("range({}, {})", start_, stop_);
  return fmt::format("range({}, {}, {})", start_, stop_, step_);
}

std::optional<Value> Range::attribute(const std::string& name) {
  if (name == "start") return Value::integer(start_);
  if (name == "stop") return Value::integer(stop_);
  if (name == "step") return Value::integer(step_);
  return std::nullopt;
}

std::optional<Iteration> Range::iterate() {
  const auto next = [this, at = int64_t{0}](Value& item) mutable {
    if (at == size_) return false;
    item = Value::integer(this->at(at++));
    return true;
  };
  return Iteration{next, size_};
}

DictView::DictView(Value dict, Part part)
    : Object(part == Part::Keys     ? "dict_keys"
             : part == Part::Values ? "dict_values"
                                    : "dict_items",
             false, dict.depth() + 1),
      dict_(std::move(dict)),
      part_(part) {}

std::vector<Value> DictView::items() const {
  std::vector<Value> items;
  for (const auto& [key, value] : dict_.as_dict().entries()) {
    if (part_ == Part::Items) {
      items.push_back(Value::tuple({key, value}));
    } else {
      items.push_back(part_ == Part::Keys ? key : value);
    }
  }
  return items;
}

std::string DictView::repr() { return type() + "(" + to_repr(Value::list(items())) + ")"; }

std::optional<Iteration> DictView::iterate() {
  const auto next = [items = items(), at = size_t{0}](Value& item) mutable {
    if (at == items.size()) return false;
    item = items[at++];
    return true;
  };
  return Iteration{next, static_cast<int64_t>(dict_.as_dict().size())};
}

std::string Namespace::repr() { return "<Namespace " + to_repr(Value::dict(members_)) + ">"; }

std::optional<Value> Namespace::attribute(const std::string& name) {
  const Value* member = members_.find(name);
  return member ? std::optional(*member) : std::nullopt;
}

void Namespace::set(const std::string& name, Value value) {
  if (name.starts_with("_")) {
    raise("a namespace cannot have the attribute {}, which starts with an underscore",
          text_repr(name));
  }
  members_.set(Value::text(name), std::move(value));
}

}  // namespace mpq::text::jinja
