#pragma once
// A group of a row as the search for its scale sees it.
#include <ATen/ATen.h>

#include "mpq/quant/grid.h"

namespace mpq {

/// Weights and the importance of their squared errors.
struct WeightedGroup {
  const float* weight;
  const float* importance;
  int64_t count;
};

/// The groups of a weight [out, in] under the importance of its columns, as float32 in memory.
class WeightedGroups {
 public:
  WeightedGroups(const at::Tensor& weight, const GridOptions& options)
      : weight_(weight.contiguous()),
        importance_(options.importance.defined() ? options.importance.clamp_min(1e-12).contiguous()
                                                 : at::ones({weight.size(1)}, at::kFloat)),
        columns_(group_columns(options.encoding, weight.size(1))) {}
  int64_t rows() const { return weight_.size(0); }
  int64_t a_row() const { return weight_.size(1) / columns_; }
  const at::Tensor& weight() const { return weight_; }
  WeightedGroup at(int64_t row, int64_t group) const {
    return {weight_.const_data_ptr<float>() + row * weight_.size(1) + group * columns_,
            importance_.const_data_ptr<float>() + group * columns_, columns_};
  }

 private:
  at::Tensor weight_, importance_;
  int64_t columns_;
};

}  // namespace mpq
