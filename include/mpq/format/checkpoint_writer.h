#pragma once
// What formats that are Hugging Face folders share: everything but the layout of a quantized
// linear.
#include <functional>
#include <string>
#include <vector>

#include "mpq/format/format.h"
#include "mpq/format/shards.h"

namespace mpq {

/// How one format lays a quantized linear out. Linears that stay at full precision never come here.
struct LinearLayout {
  /// Names, dtypes and shapes of the linear's tensors.
  std::function<std::vector<TensorPlan>(const ExportLinear&)> plan;
  /// The tensors themselves, in the plan's order.
  std::function<std::vector<at::Tensor>(const ExportLinear&, const QuantizedLinear&)> tensors;
};

/// A weight [out, in] in `encoding` as the layout holds it, or, plain, in `stored_dtype`.
Fit fit_of(const LinearLayout& layout, const Encoding& encoding, int64_t out, int64_t in,
           at::ScalarType stored_dtype);

/// The quantized form of a linear of the job. Throws Error(Internal) when it is not the planned
/// one.
QuantizedLinear load_planned(const ExportJob& job, const ExportLinear& linear);

/// The weight files: every tensor of `base`, with the weights of quantized linears replaced by
/// their layout, one linear in memory at a time. What is not quantized is written as it was, in its
/// own dtype.
class CheckpointWriter {
 public:
  /// Throws Error(Format) when a linear has no weight in `base`, or one of another shape. `job`
  /// must outlive the writer.
  CheckpointWriter(const ExportJob& job, LinearLayout layout);
  /// Bytes of all weight files, headers included.
  int64_t bytes() const;
  /// Writes them, the index when there are several, config.json as given, and the files of
  /// copy_side_files(). Returns the bytes that the weight files have on disk.
  int64_t write(const OutputFolder& folder, const Json& config) const;

 private:
  /// Where a tensor comes from: a quantized linear's layout, or `base`.
  struct Origin {
    const ExportLinear* linear = nullptr;
    size_t part = 0;
  };
  struct Cache;
  at::Tensor read(size_t tensor, Cache& cache) const;

  const ExportJob& job_;
  LinearLayout layout_;
  std::vector<TensorPlan> tensors_;
  std::vector<Origin> origins_;
  std::vector<Shard> shards_;
};

/// config.json of the source without what quantization_of() reads, its dtype set to `dtype`, and
/// with older readers' spellings of what transformers 5 renamed.
Json source_config(const std::string& source_folder, at::ScalarType dtype);
/// config.json's "quantization_config", or "quantization", as MLX calls it; null: there is neither.
Json quantization_of(const Json& config);
/// The method that config.json's quantization_config names; empty when nothing says that the
/// weights are quantized, "unnamed" when only the name is missing (as in MLX's).
std::string quant_method(const Json& config);
/// Tokenizer, chat template and generation_config.json, those that are there, and plan.json.
void copy_side_files(const ExportJob& job, const OutputFolder& folder);

}  // namespace mpq
