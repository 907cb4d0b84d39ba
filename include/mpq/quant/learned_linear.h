#pragma once
// The interface between what learns a linear's quantization and what steps it.
#include <ATen/core/Tensor.h>

#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// The weight of a unit while its quantization is learned: alone (learn_alone()), or with all
/// others of its block (calib/block_training.h).
class LearnedLinear {
 public:
  LearnedLinear() = default;
  virtual ~LearnedLinear() = default;
  LearnedLinear(const LearnedLinear&) = delete;
  LearnedLinear& operator=(const LearnedLinear&) = delete;

  /// float32 [out, in] as it stands, with gradients for the parameters.
  virtual at::Tensor weight() const = 0;
  /// What is added to the error at a step; undefined for nothing.
  virtual at::Tensor regulariser(int /*step*/) const { return {}; }
  /// Moves the parameters along the gradients that they hold, and clears these.
  virtual void step(int step) = 0;
  /// The codes, as they are stored.
  virtual QuantizedLinear rounded() const = 0;
};

}  // namespace mpq
