#pragma once
// A hash map of 64-bit keys in one array, for the lookups inside the merge loop.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mpq::text {

/// Open addressing, at most half full. The key ~0 is reserved.
template <class Value>
class FlatMap {
 public:
  explicit FlatMap(size_t expected = 8) { rehash(2 * expected); }

  const Value* find(uint64_t key) const {
    for (size_t i = slot(key);; i = (i + 1) & mask_) {
      if (entries_[i].key == key) return &entries_[i].value;
      if (entries_[i].key == kEmpty) return nullptr;
    }
  }

  /// Adds the key or replaces its value.
  void set(uint64_t key, const Value& value) {
    if (2 * (size_ + 1) > entries_.size()) rehash(2 * entries_.size());
    for (size_t i = slot(key);; i = (i + 1) & mask_) {
      if (entries_[i].key == kEmpty) {
        entries_[i] = {key, value};
        ++size_;
        return;
      }
      if (entries_[i].key == key) {
        entries_[i].value = value;
        return;
      }
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Entry {
    uint64_t key = kEmpty;
    Value value{};
  };

  size_t slot(uint64_t key) const {
    key *= 0x9E3779B97F4A7C15ULL;  // Fibonacci hashing: the high bits are the good ones
    return static_cast<size_t>(key >> 32) & mask_;
  }

  void rehash(size_t at_least) {
    size_t count = 16;
    while (count < at_least) count *= 2;
    std::vector<Entry> old(count);
    old.swap(entries_);
    mask_ = count - 1;
    size_ = 0;
    for (const Entry& entry : old) {
      if (entry.key != kEmpty) set(entry.key, entry.value);
    }
  }

  std::vector<Entry> entries_;
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace mpq::text
