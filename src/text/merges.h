#pragma once
// Byte-pair merges: the table, and merging the symbols of a word.
#include <cstdint>
#include <string>
#include <vector>

#include "flat_map.h"
#include "model.h"

namespace mpq::text {

class Merges {
 public:
  /// "a b" strings or ["a", "b"] pairs, the first merged first. `prefix` is
  /// continuing_subword_prefix.
  Merges(const nlohmann::json& merges, const Vocabulary& vocabulary, const std::string& prefix,
         const std::string& where);

  /// Merges the symbols until no pair of neighbours is in the table: the lowest rank first, then
  /// the leftmost.
  void apply(std::vector<int32_t>& symbols) const;

  /// Whether some merge puts the second character right behind the first; where none does, a word
  /// may be cut without changing its tokens.
  bool may_join(char32_t first, char32_t second) const {
    return joints_.find(uint64_t{first} << 32 | second) != nullptr;
  }

 private:
  struct Merge {
    int32_t rank = 0;
    int32_t result = 0;
  };

  const Merge* find(int32_t left, int32_t right) const {
    return table_.find(static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 |
                       static_cast<uint32_t>(right));
  }
  void apply_by_scan(std::vector<int32_t>& symbols) const;
  void apply_by_heap(std::vector<int32_t>& symbols) const;
  void add(const std::string& left, const std::string& right, int32_t rank,
           const Vocabulary& vocabulary, const std::string& prefix, const std::string& where);

  FlatMap<Merge> table_;
  FlatMap<char> joints_;
};

}  // namespace mpq::text
