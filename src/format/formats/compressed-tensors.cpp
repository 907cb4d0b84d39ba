// The default output: compressed-tensors `pack-quantized`, read by transformers, vLLM and SGLang.
#include <ATen/ATen.h>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/compressed_tensors.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

int64_t words(int64_t count, int bits) {
  return static_cast<int64_t>(packed_words(static_cast<size_t>(count), bits));
}

std::vector<TensorPlan> plan(const ExportLinear& linear, at::ScalarType scale_dtype) {
  const Scheme& scheme = linear.scheme;
  require(scheme.bits >= 2 && scheme.bits <= 8, ErrorCode::Unsupported,
          "{}: compressed-tensors packs 2 to 8 bits, found {}", linear.module, scheme.bits);
  require(
      !scheme.float_zero && !scheme.hybrid(), ErrorCode::Unsupported,
      "{}: compressed-tensors holds neither float zero points nor two widths in one linear; use "
      "--format mpq or dense",
      linear.module);
  const int64_t groups = group_count(scheme, linear.in, linear.module);
  std::vector<TensorPlan> tensors = {
      {linear.module + ".weight_shape", at::kLong, {2}},
      {linear.module + ".weight_packed", at::kInt, {linear.out, words(linear.in, scheme.bits)}},
      {linear.module + ".weight_scale", scale_dtype, {linear.out, groups}}};
  if (!scheme.symmetric) {
    tensors.push_back(
        {linear.module + ".weight_zero_point", at::kInt, {words(linear.out, scheme.bits), groups}});
  }
  return tensors;
}

/// Codes and zero points are stored with the offset 2^(bits-1) that makes them ours.
std::vector<at::Tensor> tensors(const ExportLinear& linear, const QuantizedLinear& quantized,
                                at::ScalarType scale_dtype) {
  const Scheme& scheme = linear.scheme;
  const at::Tensor scale = quantized.scale.to(scale_dtype);
  require(scale.to(at::kFloat).equal(quantized.scale), ErrorCode::Internal,
          "{}: a scale is not representable in {}; quantize again for this dtype", linear.module,
          at::toString(scale_dtype));
  std::vector<at::Tensor> result = {at::tensor({linear.out, linear.in}, at::kLong),
                                    pack_rows(quantized.codes, scheme.bits), scale};
  if (scheme.symmetric) {
    require(quantized.zero.eq(1 << (scheme.bits - 1)).all().item<bool>(), ErrorCode::Internal,
            "{}: a symmetric linear has a zero point off the middle", linear.module);
  } else {
    result.push_back(pack_columns(quantized.zero, scheme.bits));
  }
  return result;
}

class CompressedTensors final : public Format {
 public:
  using Options = NoOptions;
  explicit CompressedTensors(const Options&) {}

  int64_t linear_bytes(const Scheme& scheme, int64_t out, int64_t in,
                       at::ScalarType scale_dtype) const override {
    return layout_bytes(layout(), {"linear", out, in, scheme}, scale_dtype);
  }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    Json config = source_config(job.source_folder, job.scale_dtype);
    Json quantization = packed_config(job.linears);
    if (!quantization.is_null()) config["quantization_config"] = std::move(quantization);
    return CheckpointWriter(job, layout()).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, layout()).bytes();
  }

 private:
  static LinearLayout layout() { return {plan, tensors}; }
};

MPQ_REGISTER(Format, CompressedTensors, "compressed-tensors",
             "pack-quantized safetensors for transformers, vLLM and SGLang; 2 to 8 bits, mixed");

}  // namespace
}  // namespace mpq
