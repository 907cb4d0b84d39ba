// Seven of the eight tiles: three of sums, one of the left factor, three of the right.
#include "amx_tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mpq {

#if defined(__x86_64__) && defined(__linux__)
namespace {

constexpr int kTiles = 7;
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

__attribute__((target("amx-tile,amx-bf16"))) void multiply_amx(const Pair* left,
                                                               int64_t left_stride,
                                                               const Pair* right, int64_t steps,
                                                               float* sums) {
  constexpr int64_t kStride = 3 * kRowBytes;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  for (int64_t step = 0; step < steps; ++step) {
    _tile_loadd(3, left, kRowBytes);
    _tile_loadd(4, right, kStride);
    _tile_loadd(5, right + kAmxSide, kStride);
    _tile_loadd(6, right + 2 * kAmxSide, kStride);
    _tile_dpbf16ps(0, 3, 4);
    _tile_dpbf16ps(1, 3, 5);
    _tile_dpbf16ps(2, 3, 6);
    left += left_stride;
    right += kAmxSide * 3 * kAmxSide;
  }
  _tile_stored(0, sums, kStride);
  _tile_stored(1, sums + kAmxSide, kStride);
  _tile_stored(2, sums + 2 * kAmxSide, kStride);
}

#else

bool has_amx() { return false; }
AmxTiles::AmxTiles() = default;
AmxTiles::~AmxTiles() = default;
void multiply_amx(const Pair*, int64_t, const Pair*, int64_t, float*) {}

#endif

}  // namespace mpq
