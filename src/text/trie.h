#pragma once
// A set of byte strings with values, for finding those that start at a place of a text.
#include <cstdint>
#include <string_view>
#include <vector>

#include "flat_map.h"

namespace mpq::text {

class Trie {
 public:
  void add(std::string_view key, int32_t value) {
    uint32_t node = 0;
    for (const char c : key) {
      const uint64_t edge = edge_of(node, c);
      if (const uint32_t* next = edges_.find(edge)) {
        node = *next;
      } else {
        node = static_cast<uint32_t>(values_.size());
        edges_.set(edge, node);
        values_.push_back(kNone);
      }
    }
    values_[node] = value;
  }

  /// Calls visit(length, value) for every key that starts at `at`, the shortest first.
  template <class Visit>
  void visit_prefixes(std::string_view text, size_t at, Visit&& visit) const {
    uint32_t node = 0;
    for (size_t i = at; i < text.size(); ++i) {
      const uint32_t* next = edges_.find(edge_of(node, text[i]));
      if (!next) return;
      node = *next;
      if (values_[node] != kNone) visit(i + 1 - at, values_[node]);
    }
  }

 private:
  static constexpr int32_t kNone = -1;
  static uint64_t edge_of(uint32_t node, char c) {
    return uint64_t{node} << 8 | static_cast<unsigned char>(c);
  }

  FlatMap<uint32_t> edges_;
  std::vector<int32_t> values_ = {kNone};
};

}  // namespace mpq::text
