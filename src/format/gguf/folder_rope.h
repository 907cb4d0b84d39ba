#pragma once
// The rope's part of config.json, from the keys and the factors of a GGUF file.
#include <cstdint>

#include "metadata_reader.h"
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// Sets "rope_theta", "rope_scaling" and, of phi3, "partial_rotary_factor" and
/// "original_max_position_embeddings". `config` has the other sizes; `reader` knows the
/// architecture's prefix. Factors of Llama 3 that are not those of its published settings are given
/// as longrope with the same factors for all lengths, which computes the same.
void add_rope(Json& config, const GgufFile& file, const MetadataReader& reader, int64_t head_dim);

}  // namespace mpq
