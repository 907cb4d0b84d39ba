#pragma once
// Quantizers: from the weight of a unit and what is known of its inputs to codes, scales and zero
// points.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "mpq/core/registry.h"
#include "mpq/quant/hessian.h"
#include "mpq/quant/learned_linear.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// What a quantizer must be told of a unit's inputs, beside the weight.
struct InputNeeds {
  bool hessian = false;  // QuantProblem::hessian
  bool ranges = false;   // mean_abs and max_abs
  bool fisher = false;   // channel_fisher
  bool aim = false;      // its weight first makes up for the layers before (calib/stage_aim.h)
  int steps = 0;         // of training with its block: learn() instead of quantize(); 0: none
  bool any() const { return hessian || ranges || fisher || aim || steps > 0; }
  /// Whether the full-precision model's hidden states are needed, beside the quantized prefix's.
  bool full() const { return aim || steps > 0; }
};
/// What serves both.
InputNeeds both(const InputNeeds& a, const InputNeeds& b);

/// One problem: the rows of all linears of a unit, stacked, since they read the same input.
struct QuantProblem {
  std::string name;                          // for messages
  at::Tensor weight;                         // float32 [out, in]
  std::shared_ptr<const Hessian> hessian{};  // null unless the quantizer needs it
  Encoding encoding{};                       // how the result is stored, resolved
  at::Tensor mean_abs{}, max_abs{};          // float32 [in]: of the inputs' magnitudes
  at::Tensor channel_fisher{};               // float32 [in]: sum over rows of E[g^2]
};

/// diag H where there is a Hessian: what errors of a channel's weights weigh. Else undefined.
at::Tensor diagonal_of(const QuantProblem& problem);

/// A weight-only post-training quantizer. To add one: a class with nested Options, in
/// src/quant/quantizers/<name>.cpp, registered there with MPQ_REGISTER(Quantizer, ...), and
/// tests/quant/<name>_test.cpp.
class Quantizer {
 public:
  static constexpr const char* kKind = "quantizer";
  Quantizer() = default;
  virtual ~Quantizer() = default;
  Quantizer(const Quantizer&) = delete;
  Quantizer& operator=(const Quantizer&) = delete;

  /// What it makes where an encoding is asked for; known before any weight is seen, so that bytes
  /// are exact. Most take every one but hybrids and real zero points. Throws Error(Usage).
  virtual Encoding encoding(const Encoding& asked) const;
  virtual InputNeeds needs() const { return {}; }
  /// Positive factors [in] by which the weight's columns shall be multiplied, and its inputs
  /// divided, before quantize(); undefined for none. Linears that read the same input share one
  /// decision.
  virtual at::Tensor input_scale(const QuantProblem&) const { return {}; }
  /// Stored as problem.encoding says. Throws Error(Usage) when the group does not divide `in`,
  /// Error(Numeric) when the weights are not finite.
  virtual QuantizedLinear quantize(const QuantProblem& problem) const = 0;
  /// Where needs().steps: what learns the codes under the error of the whole block's output. All
  /// such units of a block are learned together. Throws as quantize().
  virtual std::unique_ptr<LearnedLinear> learn(const QuantProblem&) const { return nullptr; }
};

}  // namespace mpq
