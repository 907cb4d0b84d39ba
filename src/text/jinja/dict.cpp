// Hashing as Python does: numbers by value, texts by content, tuples by their items.
#include "dict.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "budget.h"
#include "object.h"
#include "operations.h"

namespace mpq::text::jinja {

namespace {

// Two views may be equal and change.
bool is_unhashable_view(const Value& value) {
  const auto* view = value.object_as<DictView>();
  return view && view->part() != DictView::Part::Values;
}

}  // namespace

std::string hash_key(const Value& value) {
  if (is_unhashable_view(value)) raise("unhashable type: '{}'", type_name(value));
  switch (value.kind()) {
    case Kind::Undefined:
      return "u";
    case Kind::None:
      return "n";
    case Kind::Bool:
    case Kind::Int:
      return fmt::format("i{}", value.as_integer());
    case Kind::Float: {
      const double number = value.as_number();
      if (std::floor(number) == number && std::abs(number) < 9e18) {
        return fmt::format("i{}", static_cast<int64_t>(number));
      }
      return fmt::format("f{}", std::bit_cast<uint64_t>(number));
    }
    case Kind::Text:
      return "s" + value.as_text();
    case Kind::Tuple: {
      std::string key = "(";
      for (const Value& item : value.items()) {
        const std::string part = hash_key(item);
        key += fmt::format("{}:", part.size()) + part;
        require_text_size(key.size());
      }
      Budget::spend_bytes(key.size());
      return key;
    }
    case Kind::Object:
      return fmt::format("o{}", reinterpret_cast<uintptr_t>(&value.as_object()));
    default:
      raise("unhashable type: '{}'", type_name(value));
  }
}

bool is_hashable(const Value& value) {
  if (value.is(Kind::List) || value.is(Kind::Dict) || is_unhashable_view(value)) return false;
  return !value.is(Kind::Tuple) ||
         std::all_of(value.items().begin(), value.items().end(), is_hashable);
}

const Value* Dict::find(const Value& key) const {
  const auto found = index_.find(hash_key(key));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Value* Dict::find(const std::string& key) const {
  const auto found = index_.find("s" + key);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

void Dict::set(const Value& key, Value value) {
  depth_ = std::max({depth_, key.depth() + 1, value.depth() + 1});
  require_nesting(depth_);
  const auto [at, is_new] = index_.emplace(hash_key(key), entries_.size());
  if (is_new) {
    require_item_count(entries_.size());
    entries_.emplace_back(key, std::move(value));
  } else {
    entries_[at->second].second = std::move(value);
  }
}

}  // namespace mpq::text::jinja
