// With the final norm and the head, a token's final hidden state gives the logits of the whole
// vocabulary: it is all that an exact KL needs, at hidden / vocab of the size. States are kept as
// they are: a KL is a small difference, and states of 16 bits had a floor of 1e-7 nats.
#include "reference_cache.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/activations.h"

namespace mpq {
namespace {

at::Tensor load(const std::string& path, const Model& model, int64_t rows) {
  const at::Tensor states = SafetensorsFile(path).tensor("states");
  require(states.sizes() == at::IntArrayRef({rows, model.config().hidden}) &&
              states.scalar_type() == wide_dtype(model.dtype()),
          ErrorCode::Format, "{}: expected states of {} tokens; delete the file", path, rows);
  return states;
}

}  // namespace

FinalStates kept_states(const Model& reference, const std::vector<TokenSequence>& sequences,
                        int64_t batch_tokens, const std::string& path, MemoryBudget& memory,
                        const std::string& title) {
  BatchPlan plan(sequences, batch_tokens);
  if (std::filesystem::exists(path)) {
    at::Tensor states = load(path, reference, plan.rows());
    return {reference, std::move(plan), std::move(states)};
  }
  at::Tensor states = forward_model(reference, plan, memory, title);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  save_tensors(path, {{"states", states}});
  return {reference, std::move(plan), std::move(states)};
}

}  // namespace mpq
