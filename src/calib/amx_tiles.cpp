// Four of the eight tiles hold sums, two each factor: every tile that is loaded is used twice.
#include "amx_tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mpq {

#if defined(__x86_64__) && defined(__linux__)
namespace {

constexpr int kTiles = 8;
constexpr int kRowBytes = 64;

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

bool ask_for_amx() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // arch_prctl(2)
  return __builtin_cpu_supports("amx-tile") != 0 && __builtin_cpu_supports("amx-bf16") != 0 &&
         ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

__attribute__((target("amx-tile"))) void configure(const TileConfig& config) {
  __asm__ volatile(""
                   :
                   : "r"(&config)
                   : "memory");  // all of it is read, which GCC 12 does not know
  _tile_loadconfig(&config);
}

__attribute__((target("amx-tile"))) void release() { _tile_release(); }

}  // namespace

bool has_amx() {
  static const bool available = ask_for_amx();
  return available;
}

AmxTiles::AmxTiles() {
  TileConfig config;
  for (int tile = 0; tile < kTiles; ++tile) {
    config.row_bytes[tile] = kRowBytes;
    config.rows[tile] = kAmxSide;
  }
  configure(config);
}

AmxTiles::~AmxTiles() { release(); }

__attribute__((target("amx-tile,amx-bf16"))) void multiply_amx(const Pair* left, const Pair* right,
                                                               int64_t steps, float* sums) {
  constexpr int64_t kTile = kAmxSide * kAmxSide, kStride = 2 * kRowBytes;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t step = 0; step < steps; ++step, left += 2 * kTile, right += 2 * kTile) {
    _tile_loadd(4, left, kRowBytes);
    _tile_loadd(5, left + kTile, kRowBytes);
    _tile_loadd(6, right, kStride);
    _tile_loadd(7, right + kAmxSide, kStride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, kStride);
  _tile_stored(1, sums + kAmxSide, kStride);
  _tile_stored(2, sums + 2 * kTile, kStride);
  _tile_stored(3, sums + 2 * kTile + kAmxSide, kStride);
}

__attribute__((target("avx512f"))) void turn_for_amx(const Pair* packed, Pair* turned) {
  constexpr __mmask16 kAll16 = 0xffff;  // GCC 12 warns of the forms without a mask (bug 105593)
  constexpr __mmask8 kAll8 = 0xff;
  for (int64_t half = 0; half < 2; ++half) {
    __m512i rows[kAmxSide], pairs[kAmxSide];
    for (int64_t k = 0; k < kAmxSide; ++k)
      rows[k] = _mm512_loadu_si512(packed + k * kAmxStrip + half * kAmxSide);
    for (int64_t k = 0; k < kAmxSide; k += 2) {
      pairs[k] = _mm512_maskz_unpacklo_epi32(kAll16, rows[k], rows[k + 1]);
      pairs[k + 1] = _mm512_maskz_unpackhi_epi32(kAll16, rows[k], rows[k + 1]);
    }
    for (int64_t k = 0; k < kAmxSide; k += 4) {  // rows[k + c]: columns 4 j + c of four rows
      rows[k] = _mm512_maskz_unpacklo_epi64(kAll8, pairs[k], pairs[k + 2]);
      rows[k + 1] = _mm512_maskz_unpackhi_epi64(kAll8, pairs[k], pairs[k + 2]);
      rows[k + 2] = _mm512_maskz_unpacklo_epi64(kAll8, pairs[k + 1], pairs[k + 3]);
      rows[k + 3] = _mm512_maskz_unpackhi_epi64(kAll8, pairs[k + 1], pairs[k + 3]);
    }
    for (int64_t c = 0; c < 4; ++c) {
      const __m512i low = _mm512_maskz_shuffle_i32x4(kAll16, rows[c], rows[4 + c], 0x44);
      const __m512i high = _mm512_maskz_shuffle_i32x4(kAll16, rows[c], rows[4 + c], 0xee);
      const __m512i low_below = _mm512_maskz_shuffle_i32x4(kAll16, rows[8 + c], rows[12 + c], 0x44);
      const __m512i high_below =
          _mm512_maskz_shuffle_i32x4(kAll16, rows[8 + c], rows[12 + c], 0xee);
      Pair* to = turned + (half * kAmxSide + c) * kAmxSide;
      _mm512_storeu_si512(to, _mm512_maskz_shuffle_i32x4(kAll16, low, low_below, 0x88));
      _mm512_storeu_si512(to + 4 * kAmxSide,
                          _mm512_maskz_shuffle_i32x4(kAll16, low, low_below, 0xdd));
      _mm512_storeu_si512(to + 8 * kAmxSide,
                          _mm512_maskz_shuffle_i32x4(kAll16, high, high_below, 0x88));
      _mm512_storeu_si512(to + 12 * kAmxSide,
                          _mm512_maskz_shuffle_i32x4(kAll16, high, high_below, 0xdd));
    }
  }
}

#else

bool has_amx() { return false; }
AmxTiles::AmxTiles() = default;
AmxTiles::~AmxTiles() = default;
void multiply_amx(const Pair*, const Pair*, int64_t, float*) {}
void turn_for_amx(const Pair*, Pair*) {}

#endif

}  // namespace mpq
