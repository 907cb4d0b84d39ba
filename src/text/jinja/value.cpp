// Making values, and how deep they nest.
#include "value.h"

#include <algorithm>

#include "budget.h"
#include "dict.h"
#include "object.h"

namespace mpq::text::jinja {

int depth_around(const std::vector<Value>& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  require_nesting(depth + 1);
  return depth + 1;
}

Value Value::undefined(std::string reason) {
  return Value(
      Data(std::in_place_index<0>, std::make_shared<const std::string>(std::move(reason))));
}

Value Value::text(std::string bytes, bool markup) {
  require_text_size(bytes.size());
  return Value(
      Data(std::in_place_index<5>, std::make_shared<const Text>(Text{std::move(bytes), markup})));
}

Value Value::list(std::vector<Value> items) {
  require_item_count(items.size());
  const int depth = depth_around(items);
  return Value(Data(std::in_place_index<6>,
                    std::make_shared<const Sequence>(Sequence{std::move(items), depth})));
}

Value Value::tuple(std::vector<Value> items) {
  require_item_count(items.size());
  const int depth = depth_around(items);
  return Value(Data(std::in_place_index<7>,
                    std::make_shared<const Sequence>(Sequence{std::move(items), depth})));
}

Value Value::group(Value key, Value items) {
  std::vector<Value> pair = {std::move(key), std::move(items)};
  const int depth = depth_around(pair);
  return Value(Data(std::in_place_index<7>,
                    std::make_shared<const Sequence>(Sequence{std::move(pair), depth, true})));
}

Value Value::dict(Dict dict) {
  return Value(Data(std::in_place_index<8>, std::make_shared<const Dict>(std::move(dict))));
}

Value Value::object(std::shared_ptr<Object> object) {
  return Value(Data(std::in_place_index<9>, std::move(object)));
}

std::string Value::reason() const {
  const auto& reason = std::get<0>(data_);
  return reason ? *reason : "the value is undefined";
}

double Value::as_number() const {
  return is(Kind::Float) ? std::get<4>(data_) : static_cast<double>(as_integer());
}

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is(Kind::Dict)) return as_dict().depth();
  return is(Kind::Object) ? as_object().depth() : 0;
}

bool Value::is_same(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::Undefined:
      return std::get<0>(data_) == std::get<0>(other.data_);
    case Kind::Text:
      return as_text() == other.as_text();
    case Kind::Tuple:
      return &sequence() == &other.sequence() || (items().empty() && other.items().empty());
    default:
      return data_ == other.data_;
  }
}

}  // namespace mpq::text::jinja
