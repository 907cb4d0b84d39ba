// Walks final hidden states in chunks, so that logits of large vocabularies are never held for all
// tokens.
#include "token_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "mpq/core/error.h"
#include "mpq/model/activations.h"
#include "mpq/model/divergence.h"
#include "mpq/model/logit_kernels.h"

namespace mpq {
namespace {

template <class Member>
at::Tensor gather_member(std::span<const Position> positions, Member member) {
  std::vector<int64_t> values;
  values.reserve(positions.size());
  for (const Position& position : positions) values.push_back(member(position));
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

at::Tensor negative_log_likelihood(const at::Tensor& logits, std::span<const Position> positions) {
  const auto target =
      gather_member(positions, [](const Position& p) { return p.target; }).to(logits.device());
  const auto chosen = logits.gather(1, target.clamp_min(0).unsqueeze(1)).squeeze(1);
  return (log_sum_exps(logits) - chosen).masked_fill(target < 0, 0);
}

}  // namespace

void check_finite(const at::Tensor& logits, const Model& model) {
  require(at::isfinite(logits.sum(at::kDouble)).item<bool>(), ErrorCode::Numeric,
          "{}: expected finite logits, found NaN or infinity; try --dtype float32, or check the "
          "checkpoint",
          model.folder());
}

FinalStates::FinalStates(const Model& model, const std::vector<TokenSequence>& sequences,
                         int64_t batch_tokens, MemoryBudget& memory, const std::string& title)
    : model_(model), plan_(sequences, batch_tokens) {
  states_ = forward_model(model, plan_, memory, title);
}

at::Tensor FinalStates::logits(std::span<const Position> positions) const {
  const auto rows = gather_member(
      positions, [&](const Position& p) { return plan_.first_row(p.sequence) + p.offset; });
  const auto logits = model_.logits(states_.index_select(0, rows).to(model_.device()));
  check_finite(logits, model_);
  return logits;
}

TokenScores score_tokens(const FinalStates& states, const FinalStates* reference,
                         const std::vector<Position>& positions) {
  const auto count = static_cast<int64_t>(positions.size());
  TokenScores scores;
  scores.nll = at::empty({count}, at::kFloat);
  if (reference != nullptr) {
    scores.kl = at::empty({count}, at::kFloat);
    scores.same = at::empty({count}, at::kFloat);
  }
  const int64_t step = logit_rows(states.model());
  for (int64_t first = 0; first < count; first += step) {
    const int64_t size = std::min(step, count - first);
    const auto chunk =
        std::span(positions).subspan(static_cast<size_t>(first), static_cast<size_t>(size));
    const auto logits = states.logits(chunk);
    scores.nll.narrow(0, first, size).copy_(negative_log_likelihood(logits, chunk));
    if (reference == nullptr) continue;
    const auto expected = reference->logits(chunk).to(logits.device());
    scores.kl.narrow(0, first, size).copy_(kl_rows(expected, logits));
    scores.same.narrow(0, first, size).copy_(expected.argmax(1) == logits.argmax(1));
  }
  return scores;
}

at::Tensor sequence_of(const std::vector<Position>& positions, int64_t first) {
  return gather_member(positions, [first](const Position& p) { return p.sequence - first; });
}

}  // namespace mpq
