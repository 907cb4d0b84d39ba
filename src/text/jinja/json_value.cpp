// Values from JSON, level by level.
#include "json_value.h"

#include <limits>

#include "budget.h"
#include "dict.h"
#include "utf8.h"

namespace mpq::text::jinja {

namespace {

Value valid_text(const std::string& text) {
  require(invalid_utf8_at(text) == std::string::npos, ErrorCode::Format, "a text is not UTF-8");
  return Value::text(text);
}

}  // namespace

Value value_of(const Json& json, int level) {
  require_nesting(level);
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail(ErrorCode::Unsupported, "the integer {} has more than 64 bits", json.dump());
      }
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_float:
      return Value::number(json.get<double>());
    case Json::value_t::string:
      return valid_text(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(value_of(item, level + 1));
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      Dict dict;
      for (const auto& [key, member] : json.items())
        dict.set(valid_text(key), value_of(member, level + 1));
      return Value::dict(std::move(dict));
    }
    default:
      return Value::none();
  }
}

}  // namespace mpq::text::jinja
