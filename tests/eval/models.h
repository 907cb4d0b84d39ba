#pragma once
// Checkpoints and reference computations that the tests of this folder share.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/model/model.h"
#include "tests/support/source_path.h"

namespace mpq {

inline Model open_float32(const std::string& name) {
  const std::string folder = source_path(name);
  return Model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
}

/// Logits of the token after `tokens`, by a forward pass over all of them: no cache, no batch.
at::Tensor successor_logits(const Model& model, const TokenSequence& tokens);
/// `count` most likely successors, one after the other.
TokenSequence greedy_without_cache(const Model& model, TokenSequence tokens, int64_t count);

}  // namespace mpq
