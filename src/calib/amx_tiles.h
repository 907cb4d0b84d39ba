#pragma once
// Tiles of bfloat16 pairs, multiplied by the processor's matrix unit (AMX-BF16).
#include <cstdint>

namespace mpq {

/// Two bfloat16 values of one column, the earlier row in the low half.
using Pair = uint32_t;

constexpr int64_t kAmxSide = 16;  // rows and columns of a tile of sums, and pairs of its factors

/// Whether the processor has it and the system lets this process use it.
bool has_amx();

/// Holds this thread's tiles as multiply_amx() needs them; other code configures its own anew.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

/// sums [16, 3 * 16] = left^T right over `steps` times 16 pairs of rows. `left`: a tile [column,
/// pair] every `left_stride` pairs; `right` [pair, 3 * 16]. Only while AmxTiles lives.
void multiply_amx(const Pair* left, int64_t left_stride, const Pair* right, int64_t steps,
                  float* sums);

}  // namespace mpq
