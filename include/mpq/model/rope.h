#pragma once
// Rotary position embeddings with the published scalings (transformers, modeling_rope_utils).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq {

enum class RopeKind { Default, Linear, Dynamic, Llama3, Yarn, LongRope, Proportional };

struct RopeConfig {
  RopeKind kind = RopeKind::Default;
  double theta = 10000;
  int64_t dim = 0;           // rotated channels of a head
  bool interleaved = false;  // an angle's two channels stand together, not in two halves
  int64_t max_positions = 0;
  int64_t original_max_positions = 0;  // before scaling
  double factor = 1;
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  bool truncate = true;                              // yarn
  double attention_factor = 0;                       // 0: the kind's own formula
  double mscale = 0, mscale_all_dim = 0;             // yarn
  double share = 1;                                  // proportional: of the angles that turn
  std::vector<double> short_factor, long_factor;     // longrope
};

/// Reads rope_theta / rope_scaling (before transformers 5) or rope_parameters (since). Throws
/// Error(Unsupported) on another kind.
RopeConfig parse_rope(const Json& config, int64_t rotary_dim, const std::string& where);

/// What DeepSeek's attention scores grow by under a scaling with `mscale_all_dim`, once for queries
/// and once for keys.
double scaled_attention(const RopeConfig& config);

struct RopeTables {
  at::Tensor cos;  // float32 [positions, dim]: each angle twice, halves side by side
  at::Tensor sin;
};

/// Tables of positions [first, first + count) for a sequence whose current length is first + count
/// (dynamic and longrope depend on it).
RopeTables rope_tables(const RopeConfig& config, int64_t first, int64_t count);

}  // namespace mpq
