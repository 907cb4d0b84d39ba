// Pieces of token sequences: whole characters, visible special tokens, and together the text.
#include "mpq/text/token_pieces.h"

#include <gtest/gtest.h>

#include "tests/support/source_path.h"

namespace mpq {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

std::unique_ptr<Tokenizer> tokenizer_of(const std::string& folder) {
  return Tokenizer::load(source_path(folder));
}

/// One byte by byte (BPE over bytes) and one with byte tokens for what it does not know.
std::vector<std::string> folders() {
  return {"data/nano-llama", "tests/golden/architectures/stories260K"};
}

TEST(TokenPieces, TogetherAreTheText) {
  for (const auto& folder : folders()) {
    const auto tokenizer = tokenizer_of(folder);
    for (const char* text :
         {"Once upon a time, there was", " two  spaces\n\n\tand a tab ",
          "\xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x98\x80\xF0\x9F\x98\x80 \xC3\xBC", ""}) {
      const auto ids = tokenizer->encode(text);
      std::string all;
      std::vector<int32_t> again;
      for (const auto& piece : token_pieces(ids, *tokenizer)) {
        all += piece.text;
        again.insert(again.end(), piece.ids.begin(), piece.ids.end());
      }
      EXPECT_EQ(all, tokenizer->decode(ids, false)) << folder;
      EXPECT_EQ(again, ids) << folder;
    }
  }
}

TEST(TokenPieces, CharactersAreNotCut) {
  for (const auto& folder : folders()) {
    const auto tokenizer = tokenizer_of(folder);
    const auto ids = tokenizer->encode("\xF0\x9F\x98\x80\xE4\xB8\xAD", false);
    size_t most = 0;
    for (const auto& piece : token_pieces(ids, *tokenizer)) {
      EXPECT_EQ(piece.text.find(kReplacement), std::string::npos) << folder;
      most = std::max(most, piece.ids.size());
    }
    EXPECT_GT(most, 1U) << folder;
    // Without its end a character is replaced, and what follows is read on its own.
    auto cut = ids;
    cut.resize(1);
    const auto word = tokenizer->encode("word", false);
    cut.insert(cut.end(), word.begin(), word.end());
    const auto pieces = token_pieces(cut, *tokenizer);
    ASSERT_EQ(pieces.size(), cut.size()) << folder;
    EXPECT_EQ(pieces.back().text.find(kReplacement), std::string::npos) << folder;
  }
}

TEST(TokenPieces, SpecialTokensAreMarked) {
  for (const auto& folder : folders()) {
    const auto tokenizer = tokenizer_of(folder);
    const auto plain = tokenizer->encode("a b", false);
    for (const auto& piece : token_pieces(plain, *tokenizer)) EXPECT_FALSE(piece.special);
    const auto whole = tokenizer->encode("a b", true);
    if (whole.size() == plain.size()) continue;
    const auto pieces = token_pieces(whole, *tokenizer);
    EXPECT_TRUE(pieces.front().special) << folder;
    EXPECT_FALSE(pieces.front().text.empty()) << folder;
    EXPECT_FALSE(pieces.back().special) << folder;
  }
}

TEST(TokenPieces, WhatComesBeforeDecidesAboutSpaces) {
  const auto tokenizer = tokenizer_of("tests/golden/architectures/stories260K");
  const auto ids = tokenizer->encode("Once upon", false);
  const size_t last = ids.size() - 1;
  std::string tail;
  for (const auto& piece : token_pieces(ids, *tokenizer, 1)) tail += piece.text;
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{ids[0]}, false) + tail, "Once upon");
  EXPECT_EQ(token_pieces(ids, *tokenizer, last).size(), 1U);
  EXPECT_TRUE(token_pieces(ids, *tokenizer, ids.size()).empty());
}

}  // namespace
}  // namespace mpq
