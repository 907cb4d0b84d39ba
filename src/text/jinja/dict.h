#pragma once
// A dict: any hashable key, in order of insertion.
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "value.h"

namespace mpq::text::jinja {

class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  int depth() const { return depth_; }
  /// Null when absent. Throws for a key that has no hash (list, dict).
  const Value* find(const Value& key) const;
  const Value* find(const std::string& key) const;
  /// A key that is there keeps its place.
  void set(const Value& key, Value value);

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> index_;
  int depth_ = 1;
};

/// Equal for keys that are equal (1, True and 1.0), otherwise different. Throws when unhashable.
std::string hash_key(const Value& value);
bool is_hashable(const Value& value);

}  // namespace mpq::text::jinja
