// Dequantized weights as an ordinary checkpoint: for readers without any quantization support.
#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"

namespace mpq {
namespace {

std::vector<TensorPlan> plan(const ExportLinear& linear, at::ScalarType dtype) {
  return {{linear.module + ".weight", dtype, {linear.out, linear.in}}};
}

/// scale x (code - zero) is rounded once, from float32 to the checkpoint's dtype.
std::vector<at::Tensor> tensors(const ExportLinear& linear, const QuantizedLinear& quantized,
                                at::ScalarType dtype) {
  const at::Tensor weight = dequantize(quantized).to(dtype);
  require(at::isfinite(weight).all().item<bool>(), ErrorCode::Numeric,
          "{}: a dequantized weight overflows {}; export in bfloat16 or float32", linear.module,
          at::toString(dtype));
  return {weight};
}

/// The size on disk does not shrink: linear_bytes is out x in of the dtype, whatever the scheme.
class Dense final : public Format {
 public:
  using Options = NoOptions;
  explicit Dense(const Options&) {}

  int64_t linear_bytes(const Scheme& scheme, int64_t out, int64_t in,
                       at::ScalarType scale_dtype) const override {
    return layout_bytes(layout(), {"", out, in, scheme}, scale_dtype);
  }
  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    return CheckpointWriter(job, layout())
        .write(folder, source_config(job.source_folder, job.scale_dtype));
  }
  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, layout()).bytes();
  }

 private:
  static LinearLayout layout() { return {plan, tensors}; }
};

MPQ_REGISTER(Format, Dense, "dense",
             "dequantized weights as an ordinary checkpoint of full size");

}  // namespace
}  // namespace mpq
