#pragma once
// Exporters: a finished quantization becomes a checkpoint folder that its readers load.
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/core/registry.h"
#include "mpq/io/output_folder.h"
#include "mpq/io/weight_source.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// One linear of the checkpoint, by its full module name ("model.layers.0.self_attn.q_proj").
struct ExportLinear {
  std::string module;
  int64_t out = 0;
  int64_t in = 0;
  Scheme scheme;  // bits 16: written as it is
};

/// What an exporter needs. `base` holds all weights at full precision (norms that a transform
/// folded into are already replaced); `load` returns the quantized form of one module, read when it
/// is written so that one linear is in memory.
struct ExportJob {
  std::string
      source_folder;  // config.json, tokenizer files, generation_config.json are copied from here
  const WeightSource* base = nullptr;
  std::vector<ExportLinear> linears;  // every linear of every block, in execution order
  std::function<QuantizedLinear(const std::string& module)> load;
  at::ScalarType scale_dtype =
      at::kBFloat16;  // dtype of scales, and of weights written dequantized
  Json plan;          // goes into the folder as plan.json
  int64_t shard_bytes = int64_t{5}
                        << 30;  // a file grows to at most this, then the next shard begins
};

/// To add one: a class with nested Options in src/pack/exporters/<name>.cpp, registered with
/// MPQ_REGISTER(Exporter, ...), its reader (a WeightSource) if mpq shall read it back, and tests
/// that compare with the ecosystem's own reader.
class Exporter {
 public:
  static constexpr const char* kKind = "exporter";
  Exporter() = default;
  virtual ~Exporter() = default;
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  /// Exact bytes of the tensors that hold one linear's weight. Throws Error(Unsupported) when the
  /// format cannot hold the scheme.
  virtual int64_t linear_bytes(const Scheme& scheme, int64_t out, int64_t in,
                               at::ScalarType scale_dtype) const = 0;
  /// Writes every file into `folder` (the caller commits). Returns the bytes of all weight files,
  /// headers included.
  virtual int64_t write(const ExportJob& job, const OutputFolder& folder) const = 0;
  /// The bytes write() would return.
  virtual int64_t file_bytes(const ExportJob& job) const = 0;
};

/// Opens any checkpoint mpq reads: full precision, dense or packed, by the quantization_config in
/// config.json. Packed weights appear under their full-precision names and are dequantized by
/// load(). Throws Error(Unsupported) naming the method it does not know.
std::unique_ptr<WeightSource> open_checkpoint(const std::string& folder);

}  // namespace mpq
