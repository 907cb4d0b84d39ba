// Twenty thousand damaged files, the same at every run: each is refused or read whole.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "tests/io/safetensors_bytes.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

constexpr size_t kHeaderBegin = 8;
constexpr std::array<const char*, 20> kWords = {"18446744073709551615",
                                                "9223372036854775808",
                                                "4611686018427387904",
                                                "4294967296",
                                                "-1",
                                                "1e400",
                                                "0.5",
                                                "0",
                                                "1",
                                                "4",
                                                "8",
                                                "\"BF16\"",
                                                "\"F64\"",
                                                "null",
                                                "{}",
                                                "[",
                                                "]",
                                                ",",
                                                "\"shape\":[0,4611686018427387904],",
                                                "\"\\u0000\":"};

std::string seed_file() {
  const TemporaryFolder place;
  save_tensors(place.file("f"),
               {{"a", at::arange(9, at::kFloat)},
                {"bb", at::arange(4, at::kLong)},
                {"flags", at::ones({3}, at::kBool)},
                {"none", at::empty({0, 2}, at::kHalf)}},
               {{"format", "pt"}});
  return read_text_file(place.file("f"));
}

/// Changes the header's text, keeping its length true.
class Mutator {
 public:
  explicit Mutator(const std::string& seed) : seed_(seed) {
    uint64_t size = 0;
    std::memcpy(&size, seed.data(), kHeaderBegin);
    header_ = seed.substr(kHeaderBegin, size);
    data_ = seed.substr(kHeaderBegin + size);
  }

  std::string next() {
    std::string header = header_, data = data_;
    for (size_t edits = 1 + below(3); edits > 0; --edits) edit(header);
    if (below(8) == 0) data.resize(below(2 * data.size()));
    uint64_t size = header.size();
    if (below(16) == 0) size ^= uint64_t{1} << below(64);
    return std::string(reinterpret_cast<const char*>(&size), kHeaderBegin) + header + data;
  }

 private:
  size_t below(size_t limit) { return random_() % limit; }

  void edit(std::string& text) {
    if (text.empty()) return;
    const size_t at = below(text.size());
    const std::string word = kWords[below(kWords.size())];
    switch (below(7)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        return;
      case 1:
        text[at] = static_cast<char>('0' + below(10));
        return;
      case 2:
        text.erase(at, 1 + below(6));
        return;
      case 3:
        text.insert(at, word);
        return;
      case 4:
        text.insert(at, text.substr(below(text.size()), below(40)));
        return;
      case 5:
        text.resize(at);
        return;
      default:
        replace_number(text, at, word);
    }
  }

  static void replace_number(std::string& text, size_t at, const std::string& word) {
    const char* digits = "0123456789";
    const size_t begin = text.find_first_of(digits, at);
    if (begin == std::string::npos) return;
    const size_t end = std::min(text.find_first_not_of(digits, begin), text.size());
    text.replace(begin, end - begin, word);
  }

  std::string seed_, header_, data_;
  std::mt19937 random_{7};
};

TEST(SafetensorsMutation, ADamagedFileIsRefusedOrReadWhole) {
  const std::string seed = seed_file();
  ASSERT_TRUE(check_safetensors_bytes(seed));
  Mutator mutator(seed);
  int accepted = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string damaged = mutator.next();
    ASSERT_NO_THROW(++(check_safetensors_bytes(damaged) ? accepted : refused)) << damaged;
  }
  // Both kinds come up, so that both paths are tested.
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 10000);
}

TEST(SafetensorsMutation, NoPrefixIsAFile) {
  const std::string seed = seed_file();
  for (size_t size = 0; size < seed.size(); ++size)
    EXPECT_FALSE(check_safetensors_bytes(seed.substr(0, size))) << size;
}

TEST(SafetensorsMutation, EveryBitFlipIsRefusedOrReadWhole) {
  const std::string seed = seed_file();
  int refused = 0;
  for (size_t bit = 0; bit < seed.size() * 8; ++bit) {
    std::string damaged = seed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_NO_THROW(refused += check_safetensors_bytes(damaged) ? 0 : 1) << bit;
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace mpq
