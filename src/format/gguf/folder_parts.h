#pragma once
// What several families read of a GGUF file for their config.json.
#include <initializer_list>

#include "metadata_reader.h"
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// Whether the first block has biases there; of these linears all have one or none has. Throws
/// Error(Unsupported).
bool has_biases(const GgufFile& file, std::initializer_list<const char*> linears);
/// Sets `member` to whether queries, keys and values have biases; not of a file without tensors.
void read_qkv_biases(Json& config, const GgufFile& file, const char* member);
/// Sets "attention_bias" and "mlp_bias" where the four linears of attention, or the three of the
/// MLP, have biases.
void read_all_biases(Json& config, const GgufFile& file);
/// Sets `member` to the number of experts, and "num_experts_per_tok".
void read_expert_counts(Json& config, const MetadataReader& reader, const char* member);
/// Above 0. Throws Error(Format).
int64_t positive(const MetadataReader& reader, const char* key);

}  // namespace mpq
