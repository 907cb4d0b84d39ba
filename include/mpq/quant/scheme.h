#pragma once
// The storage scheme of a linear: code width, group size, symmetry; every exporter lays out the
// same scheme.
#include <cstdint>
#include <string>
#include <vector>

namespace mpq {

/// Codes of `bits` (2..8) with one scale (and integer zero point) per `group` inputs of a row;
/// group 0 is a whole row. bits 16: the weight stays as it is.
struct Scheme {
  int bits = 4;
  int group = 128;
  bool symmetric = false;
  bool float_zero = false;  // zero points need not be whole (HQQ); not every format holds them
  int high_bits = 0;        // above 0: a hybrid, the high-impact channels have this width
  double high_ratio = 0;    // their share of the input channels

  bool full_precision() const { return bits == 16; }
  bool hybrid() const { return high_bits > 0; }
  bool operator==(const Scheme&) const = default;
};

/// A run of input channels of one plain scheme.
struct Piece {
  Scheme scheme;
  int64_t columns = 0;
};
/// How a linear of `in` channels is laid out: itself, or for a hybrid first the low channels, then
/// the high-impact ones, each as whole groups and a shorter last group where there is a rest.
/// Throws Error(Usage) naming `where` as group_count() does for a plain scheme.
std::vector<Piece> pieces_of(const Scheme& scheme, int64_t in, const std::string& where);
/// High-impact channels of a hybrid: round(ratio in), at least 1.
int64_t high_channels(const Scheme& scheme, int64_t in);

/// Bytes of the codes of [out, in] weights alone, both widths of a hybrid counted.
int64_t code_bytes(const Scheme& scheme, int64_t out, int64_t in);
/// Mean bits of a code; those of a hybrid by its ratio.
double mean_code_bits(const Scheme& scheme);

/// Groups in a row of `in` weights. Throws Error(Usage) naming `where` when the group does not
/// divide `in`.
int64_t group_count(const Scheme& scheme, int64_t in, const std::string& where);
/// Columns a group covers.
int64_t group_columns(const Scheme& scheme, int64_t in);

}  // namespace mpq
