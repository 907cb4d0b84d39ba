// One packed copy of the rows serves both factors: column panels of 48, in which the values of two
// rows lie side by side, as the pair product wants them. A tile of 8 x 48 sums stays in registers.
#include "bf16_gram.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mpq {

#if defined(__x86_64__)
namespace {

constexpr int64_t kPanel = 48;   // columns, three registers
constexpr int64_t kTile = 8;     // columns of the left factor in one tile
constexpr int64_t kPairs = 256;  // pairs of rows packed at once: a panel is 48 KiB

/// Two bfloat16 values, the earlier row in the low half.
using Pair = uint32_t;

/// Packs columns [48 panel, 48 panel + 48) of `rows` rows; what lies outside is zero.
void pack_panel(const uint16_t* x, int64_t stride, int64_t rows, int64_t in, int64_t panel,
                Pair* packed) {
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

/// Adds the product of two panels to the sum.
void add_panels(const Pair* left, const Pair* right, int64_t pairs, int64_t row, int64_t column,
                int64_t in, float* sum) {
  float tile[kTile * kPanel];
  const int64_t width = std::min(kPanel, in - column);
  for (int64_t first = 0; first < kPanel && row + first < in; first += kTile) {
    multiply_tile(left + first, right, pairs, tile);
    const int64_t height = std::min(kTile, in - row - first);
    for (int64_t i = 0; i < height; ++i) {
      float* to = sum + (row + first + i) * in + column;
      for (int64_t j = 0; j < width; ++j) to[j] += tile[i * kPanel + j];
    }
  }
}

}  // namespace

bool has_bf16_gram() {
  static const bool available = __builtin_cpu_supports("avx512bf16") != 0;
  return available;
}

void add_bf16_gram(const at::Tensor& x, at::Tensor& sum) {
  const int64_t in = x.size(1);
  const int64_t panels = (in + kPanel - 1) / kPanel;
  const auto* rows = reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
  float* total = sum.mutable_data_ptr<float>();
  std::vector<Pair> packed(static_cast<size_t>(panels * kPairs * kPanel));
  std::vector<std::pair<int64_t, int64_t>> tasks;  // of the upper triangle
  for (int64_t i = 0; i < panels; ++i) {
    for (int64_t j = i; j < panels; ++j) tasks.emplace_back(i, j);
  }
  for (int64_t begin = 0; begin < x.size(0); begin += 2 * kPairs) {
    const int64_t count = std::min(2 * kPairs, x.size(0) - begin);
    const int64_t pairs = (count + 1) / 2;
    const auto panel = [&](int64_t index) { return packed.data() + index * kPairs * kPanel; };
    at::parallel_for(0, panels, 1, [&](int64_t first, int64_t last) {
      for (int64_t p = first; p < last; ++p)
        pack_panel(rows + begin * x.stride(0), x.stride(0), count, in, p, panel(p));
    });
    at::parallel_for(0, static_cast<int64_t>(tasks.size()), 1, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        const auto [i, j] = tasks[static_cast<size_t>(t)];
        add_panels(panel(i), panel(j), pairs, i * kPanel, j * kPanel, in, total);
      }
    });
  }
}

#else

bool has_bf16_gram() { return false; }
void add_bf16_gram(const at::Tensor&, at::Tensor&) {}

#endif

}  // namespace mpq
