#pragma once
// The rope's part of config.json, from the keys and the factors of a GGUF file.
#include <cstdint>

#include "family.h"
#include "metadata_reader.h"
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// Sets "rope_theta", "rope_scaling" and, where a part of each head rotates,
/// "partial_rotary_factor". `config` has the sizes; `reader` knows the architecture's prefix.
/// Factors of Llama 3 that are not those of its published settings are given as longrope with the
/// same factors for all lengths, which computes the same.
void add_rope(Json& config, const GgufGraph& graph, const GgufFile& file,
              const MetadataReader& reader, int64_t head_dim);

}  // namespace mpq
