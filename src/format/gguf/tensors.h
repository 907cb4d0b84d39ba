#pragma once
// The tensors of a GGUF file in order of execution, with the names of llama.cpp.
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/format/gguf_model.h"

namespace mpq {

/// Checks the shapes in `weights`. Throws Error(Format).
std::vector<GgufTensor> gguf_tensors(const ModelConfig& model, const WeightSource& weights);
/// Factors of the rope's frequencies, computed from the configuration; none for most models.
std::vector<GgufTensor> gguf_rope_factors(const ModelConfig& model);
/// How Phi-3's longrope scales queries and keys; 0: it does not.
double gguf_rope_attention_factor(const ModelConfig& model);

}  // namespace mpq
