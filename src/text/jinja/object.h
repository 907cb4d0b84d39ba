#pragma once
// Values that are more than data: functions, iterators, namespaces.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dict.h"

namespace mpq::text::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// One pass over something. `next` fills its argument, or returns false at the end.
struct Iteration {
  std::function<bool(Value&)> next;
  std::optional<int64_t> length;  // when len() would know it
};

/// To add one: derive, and give a Value::object() of it from a global, an attribute or a filter.
class Object {
 public:
  /// `depth`: one more than that of the values it holds.
  Object(std::string type, bool is_callable, int depth);
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  const std::string& type() const { return type_; }
  bool is_callable() const { return is_callable_; }
  int depth() const { return depth_; }

  virtual std::string repr();
  virtual std::optional<Value> attribute(const std::string& name);
  virtual Value call(const Arguments& arguments);
  /// Nothing when it is not iterable.
  virtual std::optional<Iteration> iterate();

 private:
  std::string type_;
  bool is_callable_;
  int depth_;
};

/// A function or a bound method.
Value function_value(std::string name, std::function<Value(const Arguments&)> body, int depth = 0);
/// A generator or iterator of Python: true, without length, and used up by one pass.
Value generator_value(std::string type, std::function<bool(Value&)> next, int depth);
/// A generator over what is already there.
Value generator_value(std::string type, std::vector<Value> items);

/// range(): a sequence that is not a list.
class Range : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step);
  int64_t size() const { return size_; }
  /// Also one past the end, which may lie beyond 64 bits and wraps.
  int64_t at(int64_t index) const {
    return static_cast<int64_t>(static_cast<uint64_t>(start_) +
                                static_cast<uint64_t>(index) * static_cast<uint64_t>(step_));
  }
  int64_t step() const { return step_; }
  std::string repr() override;
  std::optional<Value> attribute(const std::string& name) override;
  std::optional<Iteration> iterate() override;

 private:
  int64_t start_, stop_, step_, size_;
};

/// dict.keys(), .values() and .items().
class DictView : public Object {
 public:
  enum class Part { Keys, Values, Items };
  DictView(Value dict, Part part);
  std::string repr() override;
  std::optional<Iteration> iterate() override;
  std::vector<Value> items() const;
  Part part() const { return part_; }
  const Value& dict() const { return dict_; }

 private:
  Value dict_;
  Part part_;
};

/// namespace(): the one thing a template may change.
class Namespace : public Object {
 public:
  Namespace() : Object("Namespace", false, 0) {}
  std::string repr() override;
  std::optional<Value> attribute(const std::string& name) override;
  void set(const std::string& name, Value value);
  void clear() { members_ = Dict(); }

 private:
  Dict members_;
};

}  // namespace mpq::text::jinja
