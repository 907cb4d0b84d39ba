#pragma once
// Weights of a folder in which some linears are packed: what the readers of all formats share.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mpq/format/linear_tensors.h"
#include "mpq/io/safetensors.h"
#include "mpq/io/weight_source.h"

namespace mpq {

/// A linear as found in a folder, by the tensors that hold it.
struct PackedLinear {
  Encoding encoding;  // resolved
  int64_t out = 0;
  int64_t in = 0;
  std::vector<TensorPlan> tensors;
};
/// The linear of that module; throws Error(Format) on values that none has.
using ReadPacked = std::function<QuantizedLinear(const std::string& module, const PackedLinear&,
                                                 const LoadTensor&)>;

/// Modules of which the source has a tensor MODULE + suffix.
std::vector<std::string> modules_with(const WeightSource& source, const std::string& suffix);

/// `linears` by module, dequantized by load() to float32 under MODULE.weight; all else as in
/// `inner`. Throws Error(Format) naming a tensor that is missing, has another dtype or shape, or
/// has a weight that is also there as it is.
std::unique_ptr<WeightSource> open_packed(const std::string& folder,
                                          std::unique_ptr<WeightSource> inner,
                                          std::map<std::string, PackedLinear> linears,
                                          ReadPacked read);

}  // namespace mpq
