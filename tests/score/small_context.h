#pragma once
// A scoring context over stories260K, or another model, with a few short sequences.
#include <memory>

#include "mpq/score/scorer.h"

namespace mpq {

struct SmallContext {
  explicit SmallContext(std::vector<std::string> candidates, const std::string& dtype = "float32",
                        const std::string& folder = "tests/golden/architectures/stories260K");
  std::unique_ptr<Model> model;
  PromptSet prompts;
  std::vector<BlockStatistics> statistics;
  MemoryBudget memory{-1, "/tmp"};
  ScoreContext context;
};

/// The full-precision model and one with units' weights replaced, run from the embeddings: mean KL
/// over all tokens.
double direct_kl(const SmallContext& small,
                 const std::vector<std::pair<Unit, at::Tensor>>& replaced);

}  // namespace mpq
