// Rows are packed as panels of 32 columns, in which the values of two rows lie side by side, as
// pair products want them: 256 rows of two panels fit a core's first cache, the sums of a block of
// six by six panels its second.
#include "bf16_products.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "amx_tiles.h"
#include "mpq/core/simd.h"
#include "mpq/model/parallel_each.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mpq {

#if defined(__x86_64__)
namespace {

constexpr int64_t kPanel = kAmxStrip;  // columns
constexpr int64_t kTile = 8;     // columns of the left factor at once, without the matrix unit
constexpr int64_t kPairs = 128;  // of rows in a panel, 16 KiB
constexpr int64_t kParts = 8;    // panels of the same columns that are packed before any work
constexpr int64_t kBlock = 6;    // panels
constexpr int64_t kLine = 64;    // bytes

/// `rows` rows of columns [32 panel, 32 panel + 32) as `pairs` pairs; what lies outside is zero.
MPQ_CLONES void pack_panel(const uint16_t* x, int64_t stride, int64_t rows, int64_t in,
                           int64_t panel, int64_t pairs, Pair* packed) {
  const int64_t first = panel * kPanel;
  const int64_t width = std::min(kPanel, in - first);
  for (int64_t k = 0; k < (rows + 1) / 2; ++k) {
    const uint16_t* even = x + 2 * k * stride + first;
    const uint16_t* odd = even + stride;
    Pair* to = packed + k * kPanel;
    if (2 * k + 1 < rows) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) to[j] = even[j] | static_cast<Pair>(odd[j]) << 16;
    } else {
      for (int64_t j = 0; j < width; ++j) to[j] = even[j];
    }
    for (int64_t j = width; j < kPanel; ++j) to[j] = 0;
  }
  std::fill(packed + (rows + 1) / 2 * kPanel, packed + pairs * kPanel, 0U);
}

/// sums [8, 32] = left^T right over `pairs` pairs.
__attribute__((target("avx512f,avx512bf16"))) void multiply_tile(const Pair* left,
                                                                 const Pair* right, int64_t pairs,
                                                                 float* sums) {
  __m512 sum[kTile][2];
  for (auto& row : sum) row[0] = row[1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < pairs; ++k, left += kPanel, right += kPanel) {
    const auto low = reinterpret_cast<__m512bh>(_mm512_loadu_si512(right));
    const auto high = reinterpret_cast<__m512bh>(_mm512_loadu_si512(right + 16));
#pragma GCC unroll 8
    for (int64_t i = 0; i < kTile; ++i) {
      const auto row = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(left[i])));
      sum[i][0] = _mm512_dpbf16_ps(sum[i][0], row, low);
      sum[i][1] = _mm512_dpbf16_ps(sum[i][1], row, high);
    }
  }
  for (int64_t i = 0; i < kTile; ++i) {
    _mm512_storeu_ps(sums + i * kPanel, sum[i][0]);
    _mm512_storeu_ps(sums + i * kPanel + 16, sum[i][1]);
  }
}

/// Where the product of two panels is added.
struct Place {
  int64_t row, column;
  int64_t rows, columns;
  float* sum;  // [rows, columns]
};

MPQ_CLONES void add_sums(const float* sums, const Place& place) {
  const int64_t width = std::min(kPanel, place.columns - place.column);
  for (int64_t i = 0; i < std::min(kPanel, place.rows - place.row); ++i) {
    float* to = place.sum + (place.row + i) * place.columns + place.column;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) to[j] += sums[i * kPanel + j];
  }
}

struct FreeAligned {
  void operator()(Pair* memory) const { ::operator delete[](memory, std::align_val_t{kLine}); }
};
using AlignedPairs = std::unique_ptr<Pair[], FreeAligned>;

/// Rows of one side of a product as panels: kParts times 256 rows at once.
class Factor {
 public:
  explicit Factor(const at::Tensor& x)
      : rows_(reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>())),
        stride_(x.stride(0)),
        width_(x.size(1)),
        parts_(std::min(kParts, parts_of(x.size(0)))),
        packed_(room()),
        turned_(has_amx() ? room() : nullptr) {}

  /// Fills whole tiles.
  static int64_t pairs_of(int64_t rows) {
    return std::min(kPairs, (rows + 2 * kAmxSide - 1) / (2 * kAmxSide) * kAmxSide);
  }
  static int64_t parts_of(int64_t rows) { return (rows + 2 * kPairs - 1) / (2 * kPairs); }
  int64_t width() const { return width_; }
  int64_t panels() const { return (width_ + kPanel - 1) / kPanel; }
  /// Rows [begin, begin + count), filled up to `pairs` with zeros.
  void pack(int64_t part, int64_t begin, int64_t count, int64_t pairs) {
    for (int64_t panel = 0; panel < panels(); ++panel) {
      Pair* to = at(packed_, part, panel);
      pack_panel(rows_ + begin * stride_, stride_, count, width_, panel, pairs, to);
      for (int64_t k = 0; turned_ != nullptr && k < pairs; k += kAmxSide)
        turn_for_amx(to + k * kPanel, at(turned_, part, panel) + k * kPanel);
    }
  }
  const Pair* packed(int64_t part, int64_t panel) const { return at(packed_, part, panel); }
  const Pair* turned(int64_t part, int64_t panel) const { return at(turned_, part, panel); }

 private:
  AlignedPairs room() const {
    const auto bytes = static_cast<size_t>(parts_ * panels() * kPairs * kPanel) * sizeof(Pair);
    return AlignedPairs(static_cast<Pair*>(::operator new[](bytes, std::align_val_t{kLine})));
  }
  Pair* at(const AlignedPairs& all, int64_t part, int64_t panel) const {
    return all.get() + (part * panels() + panel) * kPairs * kPanel;
  }

  const uint16_t* rows_;
  int64_t stride_, width_, parts_;
  AlignedPairs packed_, turned_;
};

/// The share of a part of `pairs` pairs in the sums of two panels.
void multiply_panels(const Factor& left, const Factor& right, int64_t part, int64_t pairs,
                     const Place& place) {
  alignas(kLine) float sums[kPanel * kPanel];
  const int64_t i = place.row / kPanel, j = place.column / kPanel;
  if (has_amx()) {
    multiply_amx(left.turned(part, i), right.packed(part, j), pairs / kAmxSide, sums);
  } else {
    for (int64_t first = 0; first < kPanel; first += kTile)
      multiply_tile(left.packed(part, i) + first, right.packed(part, j), pairs,
                    sums + first * kPanel);
  }
  add_sums(sums, place);
}

/// sum += left^T right; of one matrix, the upper triangle.
void add_products(const at::Tensor& left, const at::Tensor& right, at::Tensor& sum) {
  Factor of_right(right);
  std::optional<Factor> own;
  if (!left.is_same(right)) own.emplace(left);
  Factor& of_left = own ? *own : of_right;
  float* sums = sum.mutable_data_ptr<float>();
  std::vector<std::pair<int64_t, int64_t>> blocks;  // by their first panels
  for (int64_t i = 0; i < of_left.panels(); i += kBlock) {
    for (int64_t j = own ? 0 : i; j < of_right.panels(); j += kBlock) blocks.emplace_back(i, j);
  }
  for (int64_t begin = 0; begin < right.size(0); begin += 2 * kPairs * kParts) {
    const int64_t parts = std::min(kParts, Factor::parts_of(right.size(0) - begin));
    parallel_each(parts, /*apart=*/true, [&](int64_t part) {
      const int64_t first = begin + part * 2 * kPairs;
      const int64_t rows = right.size(0) - first, count = std::min(2 * kPairs, rows);
      of_right.pack(part, first, count, Factor::pairs_of(rows));
      if (own) own->pack(part, first, count, Factor::pairs_of(rows));
    });
    parallel_each(static_cast<int64_t>(blocks.size()), /*apart=*/true, [&](int64_t block) {
      const auto tiles = has_amx() ? std::make_unique<AmxTiles>() : nullptr;
      const auto [top, side] = blocks[static_cast<size_t>(block)];
      for (int64_t part = 0; part < parts; ++part) {
        const int64_t pairs = Factor::pairs_of(right.size(0) - begin - part * 2 * kPairs);
        for (int64_t i = top; i < std::min(top + kBlock, of_left.panels()); ++i) {
          for (int64_t j = own ? side : std::max(side, i);
               j < std::min(side + kBlock, of_right.panels()); ++j)
            multiply_panels(of_left, of_right, part, pairs,
                            {i * kPanel, j * kPanel, of_left.width(), of_right.width(), sums});
        }
      }
    });
  }
}

}  // namespace

bool has_bf16_products() {
  static const bool available = has_amx() || __builtin_cpu_supports("avx512bf16") != 0;
  return available;
}

void add_bf16_gram(const at::Tensor& x, at::Tensor& sum) { add_products(x, x, sum); }

void add_bf16_product(const at::Tensor& left, const at::Tensor& right, at::Tensor& sum) {
  add_products(left, right, sum);
}

#else

bool has_bf16_products() { return false; }
void add_bf16_gram(const at::Tensor&, at::Tensor&) {}
void add_bf16_product(const at::Tensor&, const at::Tensor&, at::Tensor&) {}

#endif

}  // namespace mpq
