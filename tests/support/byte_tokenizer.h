#pragma once
// One token a byte, the BOS 1 in front: tokens that a test can write down.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mpq/text/tokenizer.h"

namespace mpq {

class ByteTokenizer final : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    std::vector<int32_t> ids;
    if (add_special_tokens) ids.push_back(1);
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string decode(std::span<const int32_t>, bool) const override { return ""; }
  std::optional<int32_t> token_to_id(std::string_view) const override { return {}; }
  int32_t vocab_size() const override { return 256; }
};

}  // namespace mpq
