#pragma once
// What TAQ and TAQ-KL need of every block's output, gathered in one pass (methods.md, 1).
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "mpq/calib/sequence_group.h"

namespace mpq {

/// Of one block's output before the final norm, over the task's calibration tokens.
struct BlockStatistics {
  at::Tensor reservoir;         // float32 [<= 256, hidden], a uniform sample of token vectors
  double mean = 0;              // over all elements, streamed in float64
  double variance = 0;          // E[h^2] - E[h]^2
  double mean_abs = 0;          // E|h|
  double outlier_share = 0;     // share of sum h^2 in the largest 1 % of channels (at least one)
  double last_token_range = 0;  // mean over prompts of max - min over channels, at the last token
  ExpertRows expert_rows;       // of a mixture: how many tokens each expert was sent
};

struct StatisticsOptions {
  int64_t reservoir = 256;
  int64_t skip_first_tokens = 0;  // of every prompt: they often carry massive activations
  uint64_t seed = 0;
  std::string state_folder{};  // a killed pass goes on from there; stays; empty: nowhere
};

/// One streaming pass over the model; peak memory is one block and the hidden states.
std::vector<BlockStatistics> block_statistics(const Model& model,
                                              const std::vector<TokenSequence>& prompts,
                                              const StatisticsOptions& options,
                                              MemoryBudget& memory);

void save_statistics(const std::string& path, const std::vector<BlockStatistics>& blocks);
/// Throws Error(Format) when the file does not hold `blocks` blocks of statistics of outputs of
/// `hidden` channels.
std::vector<BlockStatistics> load_statistics(const std::string& path, int64_t blocks,
                                             int64_t hidden);

}  // namespace mpq
