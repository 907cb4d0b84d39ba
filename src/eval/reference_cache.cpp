// With the final norm and the head, a token's final hidden state gives the logits of the whole
// vocabulary: it is all that an exact KL needs, at hidden / vocab of the size.
#include "reference_cache.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/activations.h"

namespace mpq {
namespace {

/// Kept as they are: a KL is a small difference, and float16 states had a floor of 1e-7 nats.
RoundedStates round_states(const at::Tensor& hidden) {
  return {hidden, at::ones({hidden.size(0), 1}, at::kFloat)};
}

MeanWithError rounding_of(const Model& model, const at::Tensor& exact, const at::Tensor& kept) {
  const auto kl = kl_rows(model.logits(exact), model.logits(kept));
  return mean_over_tokens(kl, at::arange(kl.size(0), at::kLong), kl.size(0));
}

void save(const std::string& path, const RoundedStates& states, const MeanWithError& rounding) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  save_tensors(path, {{"values", states.values},
                      {"scale", states.scale},
                      {"rounding", at::tensor({rounding.mean, rounding.stderr_,
                                               static_cast<double>(rounding.tokens)},
                                              at::kDouble)}});
}

RoundedStates load(const std::string& path, const Model& model, int64_t rows,
                   MeanWithError& rounding) {
  const SafetensorsFile file(path);
  const RoundedStates states{file.tensor("values"), file.tensor("scale")};
  const at::Tensor facts = file.tensor("rounding");
  require(states.values.sizes() == at::IntArrayRef({rows, model.config().hidden}) &&
              states.scale.sizes() == at::IntArrayRef({rows, 1}) && facts.numel() == 3 &&
              facts.scalar_type() == at::kDouble && states.scale.scalar_type() == at::kFloat,
          ErrorCode::Format, "{}: expected states of {} tokens; delete the file", path, rows);
  const double* values = facts.const_data_ptr<double>();
  rounding = {values[0], values[1], static_cast<int64_t>(values[2])};
  return states;
}

}  // namespace

FinalStates kept_states(const Model& reference, const std::vector<TokenSequence>& sequences,
                        int64_t batch_tokens, const std::string& path, MemoryBudget& memory,
                        Progress& progress, MeanWithError& rounding) {
  const BatchPlan plan(sequences, batch_tokens);
  if (std::filesystem::exists(path)) {
    progress.step("", reference.config().layers);
    return {reference, plan, load(path, reference, plan.rows(), rounding)};
  }
  const at::Tensor hidden =
      forward_model(reference, plan, memory, [&](int64_t) { progress.step(); });
  FinalStates result(reference, plan, round_states(hidden));
  const int64_t sample = std::min(plan.rows(), logit_rows(reference));
  const auto device = reference.device();
  rounding = rounding_of(reference, hidden.narrow(0, 0, sample).to(device),
                         result.rows(at::arange(sample, at::kLong)).to(device));
  save(path, result.states(), rounding);
  return result;
}

}  // namespace mpq
