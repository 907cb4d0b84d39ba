#pragma once
// Quantizers: from the weight of a unit and what is known of its inputs to codes, scales and zero
// points.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "mpq/core/registry.h"
#include "mpq/quant/hessian.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// One problem: the rows of all linears of a unit, stacked, since they read the same input.
struct QuantProblem {
  std::string name;                         // for messages
  at::Tensor weight;                        // float32 [out, in]
  std::shared_ptr<const Hessian> hessian;   // null unless the quantizer needs it
  at::ScalarType scale_dtype = at::kFloat;  // dtype in which scales are stored
};

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

  /// How the result is stored; known before any weight is seen, so that bytes are exact.
  virtual Scheme scheme() const = 0;
  /// Whether QuantProblem::hessian must be given.
  virtual bool needs_hessian() const { return false; }
  /// Throws Error(Usage) when the group does not divide `in`, Error(Numeric) when the weights are
  /// not finite.
  virtual QuantizedLinear quantize(const QuantProblem& problem) const = 0;
};

}  // namespace mpq
