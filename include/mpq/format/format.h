#pragma once
// Formats: a finished quantization becomes a checkpoint that its readers load, and is read back.
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
  Encoding encoding;  // resolved; plain: written as it is
  /// The linear that readers make of this and others that share its input
  /// ("model.layers.0.self_attn.qkv_proj"); empty: none.
  std::string fusion{};
};

/// What a format needs. `base` holds all weights at full precision (norms that a transform
/// folded into are already replaced); `load` returns the quantized form of one module, read when it
/// is written so that one linear is in memory.
struct ExportJob {
  std::string
      source_folder;  // config.json, tokenizer files, generation_config.json are copied from here
  const WeightSource* base = nullptr;
  std::vector<ExportLinear> linears;  // every linear of every block, in execution order
  std::function<QuantizedLinear(const std::string& module)> load;
  at::ScalarType stored_dtype = at::kBFloat16;  // of the source, and of weights written dequantized
  Json plan;                                    // goes into the folder as plan.json
  int64_t shard_bytes = int64_t{5}
                        << 30;  // a file grows to at most this, then the next shard begins
};

/// How a format stores one weight.
struct Fit {
  Encoding encoding;
  int64_t bytes = 0;  // exact, of the tensors that hold it
};

/// To add one: a class with nested Options in src/format/formats/<name>.cpp, registered with
/// MPQ_REGISTER(Format, ...), and tests that compare with the ecosystem's own reader.
class Format {
 public:
  static constexpr const char* kKind = "format";
  Format() = default;
  virtual ~Format() = default;
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;

  /// A weight [out, in] asked for in an encoding (resolved): in that, or in what stands in for it
  /// where its blocks do not divide the shape. Throws Error(Unsupported) when the format holds
  /// neither.
  virtual Fit fit(const Encoding& asked, int64_t out, int64_t in,
                  at::ScalarType stored_dtype) const = 0;
  /// Whether an embedding and a head may be quantized too.
  virtual bool holds_ends() const { return false; }
  /// Writes every file into `folder` (the caller commits). Returns the bytes of all weight files,
  /// headers included.
  virtual int64_t write(const ExportJob& job, const OutputFolder& folder) const = 0;
  /// The bytes write() would return.
  virtual int64_t file_bytes(const ExportJob& job) const = 0;
  /// The weights of a checkpoint folder of this format, under their full-precision names and
  /// dequantized by load(); null when the folder is of another. `config` is its config.json.
  /// Throws Error(Format) on a fault, Error(Unsupported) naming what mpq does not read of it.
  virtual std::unique_ptr<WeightSource> open(const std::string& folder,
                                             const Json& config) const = 0;
};

/// Opens any checkpoint mpq reads, by the format that knows it. Throws Error(Unsupported) naming
/// the method that none knows.
std::unique_ptr<WeightSource> open_checkpoint(const std::string& folder);
/// Which of the formats a checkpoint folder is stored in; empty: in none that mpq writes.
std::string checkpoint_format(const std::string& folder);

}  // namespace mpq
