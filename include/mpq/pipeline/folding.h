#pragma once
// Parts as a checkpoint holds them: input scales folded into norms, biases and producing linears.
#include <memory>
#include <string>

#include "mpq/io/weight_source.h"
#include "mpq/model/fold.h"
#include "mpq/model/model.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// Reads the parts of a folder one block at a time.
class FoldedParts {
 public:
  FoldedParts(const Model& model, std::string folder);
  ~FoldedParts();
  /// A linear without input_scale, its rows divided by the scales of what reads them.
  QuantizedLinear linear(const std::string& module) const;
  /// Everything that is not quantized, folded where it produces scaled inputs.
  const WeightSource& base() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mpq
