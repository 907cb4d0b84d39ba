#pragma once
// What the rope adds to a GGUF file's tensors (format/gguf_model.h).
#include <vector>

#include "family.h"
#include "mpq/core/json_file.h"
#include "mpq/format/gguf_model.h"

namespace mpq {

/// Factors of the rope's frequencies, computed from the configuration; none for most models.
std::vector<GgufTensor> gguf_rope_factors(const GgufGraph& graph, const RopeConfig& rope);
/// How Phi-3's longrope scales queries and keys; 0: it does not.
double gguf_rope_attention_factor(const GgufGraph& graph, const RopeConfig& rope);

}  // namespace mpq
