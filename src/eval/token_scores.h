#pragma once
// What is measured at single tokens: divergence from a reference, and the likelihood of the token
// that follows.
#include <span>
#include <string>
#include <vector>

#include "mpq/io/memory_budget.h"
#include "mpq/model/batch.h"
#include "mpq/model/model.h"

namespace mpq {

/// A place whose next-token distribution is read.
struct Position {
  int64_t sequence = 0;
  int64_t offset = 0;   // within the sequence
  int64_t target = -1;  // the token that follows; -1: none is scored
};

/// Throws Error(Numeric) naming the model unless every logit is a finite number.
void check_finite(const at::Tensor& logits, const Model& model);

/// A model's final hidden states of some sequences.
class FinalStates {
 public:
  /// One forward pass, with progress under `title`.
  FinalStates(const Model& model, const std::vector<TokenSequence>& sequences, int64_t batch_tokens,
              MemoryBudget& memory, const std::string& title);
  /// `states`: [rows of the plan, hidden], in the wide dtype of the model's.
  FinalStates(const Model& model, BatchPlan plan, at::Tensor states)
      : model_(model), plan_(std::move(plan)), states_(std::move(states)) {}
  /// float32 [positions, vocab].
  at::Tensor logits(std::span<const Position> positions) const;
  const Model& model() const { return model_; }

 private:
  const Model& model_;
  BatchPlan plan_;
  at::Tensor states_;
};

/// By position, float32 in host memory.
struct TokenScores {
  at::Tensor nll;   // 0 where there is no target
  at::Tensor kl;    // undefined without a reference, as is the next
  at::Tensor same;  // 1 where both models have the same most likely successor
};

/// `reference` may be null. Throws Error(Numeric) when a model's logits are not finite.
TokenScores score_tokens(const FinalStates& states, const FinalStates* reference,
                         const std::vector<Position>& positions);

/// int64 [positions]: sequences counted from `first`.
at::Tensor sequence_of(const std::vector<Position>& positions, int64_t first);

}  // namespace mpq
