#pragma once
// The values of a template, with the types and identities they have in Python.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mpq/core/error.h"

namespace mpq::text::jinja {

class Dict;
class Object;
class Value;

/// What Python would raise: Error(Format). The rendering adds the line.
template <class... Args>
[[noreturn]] void raise(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorCode::Format, fmt::format(format, std::forward<Args>(args)...));
}

/// A str in UTF-8. `markup`: what the filters safe and escape make, which escapes what it is added
/// to.
struct Text {
  std::string bytes;
  bool markup = false;
};

/// The items of a list or tuple. `depth`: of the nesting, 1 for a list of scalars.
struct Sequence {
  std::vector<Value> items;
  int depth = 1;
  bool is_group = false;  // a tuple of the groupby filter: .grouper and .list
};

enum class Kind { Undefined, None, Bool, Int, Float, Text, List, Tuple, Dict, Object };

class Value {
 public:
  Value() = default;  // undefined

  /// `reason`: the message when it is used, "'x' is undefined".
  static Value undefined(std::string reason);
  static Value none() { return Value(Data(std::in_place_index<1>)); }
  static Value boolean(bool value) { return Value(Data(std::in_place_index<2>, value)); }
  static Value integer(int64_t value) { return Value(Data(std::in_place_index<3>, value)); }
  static Value number(double value) { return Value(Data(std::in_place_index<4>, value)); }
  static Value text(std::string bytes, bool markup = false);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value group(Value key, Value items);
  static Value dict(Dict dict);
  static Value object(std::shared_ptr<Object> object);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_undefined() const { return is(Kind::Undefined); }
  bool is_none() const { return is(Kind::None); }
  bool is_text() const { return is(Kind::Text); }
  bool is_sequence() const { return is(Kind::List) || is(Kind::Tuple); }
  bool is_integral() const { return is(Kind::Int) || is(Kind::Bool); }
  bool is_numeric() const { return is_integral() || is(Kind::Float); }

  std::string reason() const;
  bool as_bool() const { return std::get<2>(data_); }
  int64_t as_integer() const { return is(Kind::Bool) ? as_bool() : std::get<3>(data_); }
  double as_number() const;
  const std::string& as_text() const { return std::get<5>(data_)->bytes; }
  bool is_markup() const { return is_text() && std::get<5>(data_)->markup; }
  const Sequence& sequence() const { return is(Kind::List) ? *std::get<6>(data_) : tuple_data(); }
  const std::vector<Value>& items() const { return sequence().items; }
  const Dict& as_dict() const { return *std::get<8>(data_); }
  Object& as_object() const { return *std::get<9>(data_); }
  std::shared_ptr<Object> object_pointer() const { return std::get<9>(data_); }
  template <class T>
  T* object_as() const {
    return is(Kind::Object) ? dynamic_cast<T*>(std::get<9>(data_).get()) : nullptr;
  }

  /// Nesting of containers; 0 for a scalar.
  int depth() const;
  /// Python's `is`; texts and numbers are compared by value.
  bool is_same(const Value& other) const;

 private:
  using SequencePointer = std::shared_ptr<const Sequence>;
  using Data = std::variant<std::shared_ptr<const std::string>, std::monostate, bool, int64_t,
                            double, std::shared_ptr<const Text>, SequencePointer, SequencePointer,
                            std::shared_ptr<const Dict>, std::shared_ptr<Object>>;
  explicit Value(Data data) : data_(std::move(data)) {}
  const Sequence& tuple_data() const { return *std::get<7>(data_); }

  Data data_;
};

/// One more than the deepest of them; throws beyond the limit.
int depth_around(const std::vector<Value>& items);

}  // namespace mpq::text::jinja
