#pragma once
// Greedy generation with a key-value cache, batched over prompts of similar length.
#include <functional>
#include <vector>

#include "mpq/model/model.h"

namespace mpq {

struct GenerateOptions {
  int64_t max_new_tokens = 16;
  std::vector<int32_t> stop_tokens{};  // not part of the result
  /// Called with what was generated so far; true ends that sequence (the token stays).
  std::function<bool(const TokenSequence&)> stop{};
  int64_t batch_sequences = 64;
  std::function<DecoderBlock(int64_t)> load_block{};  // blocks to use instead of the model's own
  /// Blocks of up to so many bytes stay in memory during the call; those of a larger model are read
  /// one by one for every step of a batch, which takes longer.
  int64_t resident_bytes = int64_t{8} << 30;
};

/// New tokens of each prompt, in the prompts' order. Ties go to the lower id. Throws Error(Usage)
/// on a prompt without tokens.
std::vector<TokenSequence> generate_greedy(const Model& model,
                                           const std::vector<TokenSequence>& prompts,
                                           const GenerateOptions& options);

}  // namespace mpq
