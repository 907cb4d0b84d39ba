#pragma once
// The options every grid quantizer shares: bits, group, sym.
#include "mpq/quant/quantizer.h"

namespace mpq {

struct SchemeOptions {
  int bits = 4;
  int group = 128;
  bool sym = false;

  template <class Field>
  void visit(Field&& field) {
    field("bits", bits, "code width, 2 to 8");
    field("group", group, "inputs that share a scale and zero point; 0: a whole row");
    field("sym", sym, "symmetric grid, no zero points");
  }

  /// Throws Error(Usage) when a value is out of range.
  Scheme scheme() const {
    require(bits >= 2 && bits <= 8, ErrorCode::Usage, "option bits: expected 2 to 8, found {}",
            bits);
    require(group >= 0, ErrorCode::Usage, "option group: expected 0 or more, found {}", group);
    return {bits, group, sym};
  }
};

}  // namespace mpq
