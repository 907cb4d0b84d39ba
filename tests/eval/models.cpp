// Greedy decoding the slow way.
#include "tests/eval/models.h"

#include <ATen/ATen.h>

#include "mpq/model/activations.h"

namespace mpq {

at::Tensor successor_logits(const Model& model, const TokenSequence& tokens) {
  const BatchPlan plan({tokens}, 4096);
  MemoryBudget memory(-1, "/tmp");
  const auto hidden = forward_model(model, plan, memory);
  return model.logits(hidden.narrow(0, hidden.size(0) - 1, 1))[0];
}

TokenSequence greedy_without_cache(const Model& model, TokenSequence tokens, int64_t count) {
  TokenSequence result;
  for (int64_t i = 0; i < count; ++i) {
    const auto token = successor_logits(model, tokens).argmax().item<int64_t>();
    result.push_back(static_cast<int32_t>(token));
    tokens.push_back(result.back());
  }
  return result;
}

}  // namespace mpq
