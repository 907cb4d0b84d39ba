#pragma once
// A scoring context over stories260K, or another model, with a few short sequences.
#include <memory>

#include "mpq/score/scorer.h"
#include "tests/support/edited_source.h"

namespace mpq {

struct SmallContext {
  explicit SmallContext(std::vector<std::string> candidates, const std::string& dtype = "float32",
                        const std::string& folder = "tests/golden/architectures/stories260K");
  /// Another model of the same folder, some of its weights changed. Statistics stay as they were.
  void edit(const Edits& edits, const std::string& dtype = "float32");

  std::unique_ptr<Model> model;
  PromptSet prompts;
  std::vector<BlockStatistics> statistics;
  MemoryBudget memory{-1, "/tmp"};
  ScoreContext context;
};

ScoreTable run(const std::string& scorer, const SmallContext& small);

/// Makes of stories260K a model in float16 whose first block's output is finite with q/k/v or
/// attention's output at 2 bits in groups of 4, and is not with both.
void overflow_together(SmallContext& small);

/// The full-precision model and one with units' weights replaced, run from the embeddings: mean KL
/// over all tokens.
double direct_kl(const SmallContext& small,
                 const std::vector<std::pair<Unit, at::Tensor>>& replaced);

}  // namespace mpq
