#pragma once
// How far a quantized block's update is from the full-precision one's, on the task and on text.
#include <vector>

#include "mpq/calib/sequence_group.h"
#include "mpq/score/cka.h"

namespace mpq {

/// Compares updates - what a block adds to its input - of the tokens of `groups` with a reference.
/// Task and text are compared apart and blended by text_share, as their Hessians are: text has most
/// of the tokens but not of the weight. Where one of them has too few tokens for CKA, all are
/// compared together.
class UpdateDistance {
 public:
  UpdateDistance(const std::vector<SequenceGroup>& groups, double text_share, const Streams& input,
                 const Streams& output);
  /// 1 - debiased CKA, at least 0.
  double cka(const Streams& input, const Streams& output) const;
  /// ||update - reference||^2 / ||reference||^2.
  double squared_error(const Streams& input, const Streams& output) const;

 private:
  struct Kind {
    std::vector<size_t> groups;
    double weight;
    at::Tensor update;
    Cka cka;
  };
  void add(std::vector<size_t> groups, double weight, const Streams& input, const Streams& output);
  std::vector<Kind> kinds_;
};

}  // namespace mpq
