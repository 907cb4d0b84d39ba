#pragma once
// The storage scheme of a linear: code width, group size, symmetry; every exporter lays out the
// same scheme.
#include <cstdint>
#include <string>

namespace mpq {

/// Codes of `bits` (2..8) with one scale (and integer zero point) per `group` inputs of a row;
/// group 0 is a whole row. bits 16: the weight stays as it is.
struct Scheme {
  int bits = 4;
  int group = 128;
  bool symmetric = false;
  bool float_zero = false;  // zero points need not be whole (HQQ); not every format holds them

  bool full_precision() const { return bits == 16; }
  bool operator==(const Scheme&) const = default;
};

/// Groups in a row of `in` weights. Throws Error(Usage) naming `where` when the group does not
/// divide `in`.
int64_t group_count(const Scheme& scheme, int64_t in, const std::string& where);
/// Columns a group covers.
int64_t group_columns(const Scheme& scheme, int64_t in);

}  // namespace mpq
