// The rows are packed as column panels of 48, in which the values of two rows lie side by side, as
// pair products want them. A strip of 8 x 48 sums stays in registers, or of 16 x 48 in the tiles of
// the matrix unit, which wants the left factor turned.
#include "bf16_gram.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "amx_tiles.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mpq {

#if defined(__x86_64__)
namespace {

constexpr int64_t kPanel = 48;   // columns, three registers
constexpr int64_t kTile = 8;     // columns of the left factor in one strip
constexpr int64_t kPairs = 256;  // pairs of rows packed at once: a panel is 48 KiB

/// Packs columns [48 panel, 48 panel + 48) of `rows` rows as `pairs` pairs; what lies outside is
/// zero.
void pack_panel(const uint16_t* x, int64_t stride, int64_t rows, int64_t in, int64_t panel,
                int64_t pairs, Pair* packed) {
  const int64_t first = panel * kPanel;
  const int64_t width = std::min(kPanel, in - first);
  for (int64_t k = 0; k < (rows + 1) / 2; ++k) {
    const uint16_t* even = x + 2 * k * stride + first;
    const uint16_t* odd = even + stride;
    const bool has_odd = 2 * k + 1 < rows;
    Pair* to = packed + k * kPanel;
    for (int64_t j = 0; j < width; ++j)
      to[j] = even[j] | (has_odd ? static_cast<Pair>(odd[j]) << 16 : 0U);
    for (int64_t j = width; j < kPanel; ++j) to[j] = 0;
  }
  std::fill(packed + (rows + 1) / 2 * kPanel, packed + pairs * kPanel, 0U);
}

/// A packed panel as tiles [16 pairs][3 times 16 columns][column, pair].
void turn_panel(const Pair* packed, int64_t pairs, Pair* tiles) {
  for (int64_t k = 0; k < pairs; ++k) {
    Pair* to = tiles + k / kAmxSide * kAmxSide * kPanel + k % kAmxSide;
    for (int64_t j = 0; j < kPanel; ++j) to[j * kAmxSide] = packed[k * kPanel + j];
  }
}

/// sums[8][48] = left^T right over `pairs` pairs.
__attribute__((target("avx512f,avx512bf16"))) void multiply_tile(const Pair* left,
                                                                 const Pair* right, int64_t pairs,
                                                                 float* sums) {
  __m512 sum[kTile][3];
  for (auto& row : sum) {
    for (auto& part : row) part = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < pairs; ++k, left += kPanel, right += kPanel) {
    __m512bh columns[3];
    for (int c = 0; c < 3; ++c)
      columns[c] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(right + 16 * c));
#pragma GCC unroll 8
    for (int64_t i = 0; i < kTile; ++i) {
      const auto row = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(left[i])));
#pragma GCC unroll 3
      for (int c = 0; c < 3; ++c) sum[i][c] = _mm512_dpbf16_ps(sum[i][c], row, columns[c]);
    }
  }
  for (int64_t i = 0; i < kTile; ++i) {
    for (int c = 0; c < 3; ++c) _mm512_storeu_ps(sums + i * kPanel + 16 * c, sum[i][c]);
  }
}

/// Where the product of two panels is added.
struct Place {
  int64_t row, column;
  int64_t in;
  float* sum;  // [in, in]
};

/// Adds a strip [height, 48] of the product, its row `first`.
void add_strip(const float* strip, int64_t first, int64_t height, const Place& place) {
  const int64_t width = std::min(kPanel, place.in - place.column);
  for (int64_t i = 0; i < std::min(height, place.in - place.row - first); ++i) {
    float* to = place.sum + (place.row + first + i) * place.in + place.column;
    for (int64_t j = 0; j < width; ++j) to[j] += strip[i * kPanel + j];
  }
}

void add_panels(const Pair* left, const Pair* right, int64_t pairs, const Place& place) {
  float strip[kTile * kPanel];
  for (int64_t first = 0; first < kPanel && place.row + first < place.in; first += kTile) {
    multiply_tile(left + first, right, pairs, strip);
    add_strip(strip, first, kTile, place);
  }
}

/// The same with the left panel turned; `pairs` fills whole tiles.
void add_panels_amx(const Pair* left, const Pair* right, int64_t pairs, const Place& place) {
  float strip[kAmxSide * kPanel];
  for (int64_t first = 0; first < kPanel && place.row + first < place.in; first += kAmxSide) {
    multiply_amx(left + first * kAmxSide, kAmxSide * kPanel, right, pairs / kAmxSide, strip);
    add_strip(strip, first, kAmxSide, place);
  }
}

}  // namespace

bool has_bf16_gram() {
  static const bool available = has_amx() || __builtin_cpu_supports("avx512bf16") != 0;
  return available;
}

void add_bf16_gram(const at::Tensor& x, at::Tensor& sum) {
  const int64_t in = x.size(1);
  const int64_t panels = (in + kPanel - 1) / kPanel;
  const auto* rows = reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
  float* total = sum.mutable_data_ptr<float>();
  const bool amx = has_amx();
  std::vector<Pair> packed(static_cast<size_t>(panels * kPairs * kPanel));
  std::vector<Pair> turned(amx ? packed.size() : 0);
  std::vector<std::pair<int64_t, int64_t>> tasks;  // of the upper triangle
  for (int64_t i = 0; i < panels; ++i) {
    for (int64_t j = i; j < panels; ++j) tasks.emplace_back(i, j);
  }
  for (int64_t begin = 0; begin < x.size(0); begin += 2 * kPairs) {
    const int64_t count = std::min(2 * kPairs, x.size(0) - begin);
    const int64_t some = (count + 1) / 2;
    const int64_t pairs = amx ? (some + kAmxSide - 1) / kAmxSide * kAmxSide : some;
    const auto panel = [&](std::vector<Pair>& of, int64_t index) {
      return of.data() + index * kPairs * kPanel;
    };
    at::parallel_for(0, panels, 1, [&](int64_t first, int64_t last) {
      for (int64_t p = first; p < last; ++p) {
        pack_panel(rows + begin * x.stride(0), x.stride(0), count, in, p, pairs, panel(packed, p));
        if (amx) turn_panel(panel(packed, p), pairs, panel(turned, p));
      }
    });
    at::parallel_for(0, static_cast<int64_t>(tasks.size()), 1, [&](int64_t first, int64_t last) {
      const auto tiles = amx ? std::make_unique<AmxTiles>() : nullptr;
      for (int64_t t = first; t < last; ++t) {
        const auto [i, j] = tasks[static_cast<size_t>(t)];
        const Place place{i * kPanel, j * kPanel, in, total};
        amx ? add_panels_amx(panel(turned, i), panel(packed, j), pairs, place)
            : add_panels(panel(packed, i), panel(packed, j), pairs, place);
      }
    });
  }
}

#else

bool has_bf16_gram() { return false; }
void add_bf16_gram(const at::Tensor&, at::Tensor&) {}

#endif

}  // namespace mpq
