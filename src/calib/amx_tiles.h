#pragma once
// Tiles of bfloat16 pairs, multiplied by the processor's matrix unit (AMX-BF16).
#include <cstdint>

namespace mpq {

/// Two bfloat16 values of one column, the earlier row in the low half.
using Pair = uint32_t;

constexpr int64_t kAmxSide = 16;  // rows and columns of a tile of sums, pairs of its factors
constexpr int64_t kAmxStrip = 2 * kAmxSide;  // columns of a factor that are multiplied at once

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

/// sums [32, 32] = left^T right over `steps` times 16 pairs of rows. `left` [step][column, pair],
/// `right` [step][pair, column], 32 columns each. Twice as fast where all begin at multiples of 64
/// bytes. Only while AmxTiles lives.
void multiply_amx(const Pair* left, const Pair* right, int64_t steps, float* sums);
/// [16 pair, 32 column] to [32 column, 16 pair], by the vectors that every such processor has.
void turn_for_amx(const Pair* packed, Pair* turned);

}  // namespace mpq
