#pragma once
// The levels of an encoding in inner loops: whole numbers, or a table.
#include <algorithm>
#include <cmath>
#include <vector>

#include "mpq/quant/encoding.h"

namespace mpq {

/// Codes and their values in units of the scale. Of Int Middle the values are code - 2^(bits - 1),
/// of other Int the codes themselves.
class Levels {
 public:
  explicit Levels(const Encoding& encoding)
      : top_(static_cast<float>(top_code(encoding))), table_(level_table(encoding.element)) {
    if (encoding.element == Element::Int && encoding.zero == Zero::Middle)
      first_ = -static_cast<float>(middle_code(encoding));
    for (size_t i = 1; i < table_.size(); ++i) middles_.push_back((table_[i - 1] + table_[i]) / 2);
  }
  float top() const { return top_; }
  float value(float code) const {
    return table_.empty() ? code + first_ : table_[static_cast<size_t>(code)];
  }
  /// The code whose value is nearest.
  float nearest(float value) const {
    if (table_.empty()) return std::clamp(std::nearbyint(value) - first_, 0.0F, top_);
    return static_cast<float>(std::upper_bound(middles_.begin(), middles_.end(), value) -
                              middles_.begin());
  }

 private:
  float top_, first_ = 0;
  std::vector<float> table_, middles_;
};

}  // namespace mpq
