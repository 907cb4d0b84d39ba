// Dequantized weights as an ordinary checkpoint: for readers without any quantization support.
#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"

namespace mpq {
namespace {

/// scale x (code - zero) is rounded once, from float32 to the checkpoint's dtype.
LinearLayout dense_layout(at::ScalarType dtype) {
  return {[dtype](const ExportLinear& linear) -> std::vector<TensorPlan> {
            return {{linear.module + ".weight", dtype, {linear.out, linear.in}}};
          },
          [dtype](const ExportLinear& linear,
                  const QuantizedLinear& quantized) -> std::vector<at::Tensor> {
            const at::Tensor weight = dequantize(quantized).to(dtype);
            require(at::isfinite(weight).all().item<bool>(), ErrorCode::Numeric,
                    "{}: a dequantized weight overflows {}; export in bfloat16 or float32",
                    linear.module, at::toString(dtype));
            return {weight};
          }};
}

/// The size on disk does not shrink: it is out x in of the dtype, whatever the encoding.
class Dense final : public Format {
 public:
  using Options = NoOptions;
  explicit Dense(const Options&) {}

  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    const Encoding encoding = resolved(asked, stored_dtype);
    pieces_of(encoding, in, "weight");
    return fit_of(dense_layout(stored_dtype), encoding, out, in, stored_dtype);
  }
  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    return CheckpointWriter(job, dense_layout(job.stored_dtype))
        .write(folder, source_config(job.source_folder, job.stored_dtype));
  }
  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, dense_layout(job.stored_dtype)).bytes();
  }
  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    namespace fs = std::filesystem;
    if (!quant_method(config).empty()) return nullptr;
    for (const char* name : {"/model.safetensors", "/model.safetensors.index.json"}) {
      if (fs::exists(folder + name)) return open_safetensors_folder(folder);
    }
    return nullptr;
  }
};

MPQ_REGISTER(Format, Dense, "dense", "dequantized weights as an ordinary checkpoint of full size");

}  // namespace
}  // namespace mpq
