// The default output: compressed-tensors, read by transformers, vLLM and SGLang.
#include <ATen/ATen.h>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/compressed_tensors.h"
#include "mpq/format/exact.h"
#include "mpq/format/export_linears.h"
#include "mpq/format/float_layouts.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

constexpr const char* kMethod = "compressed-tensors";

int64_t words(int64_t count, int bits) {
  return static_cast<int64_t>(packed_words(static_cast<size_t>(count), bits));
}

void require_held(const Encoding& encoding, const std::string& where) {
  const bool whole = encoding.zero == Zero::Middle || encoding.zero == Zero::Whole;
  if ((encoding.uniform() && whole && !encoding.hybrid()) || float_format(encoding) != nullptr)
    return;
  fail(ErrorCode::Unsupported,
       "{}: compressed-tensors holds integers with a float scale and a whole zero point, fp8, "
       "nvfp4 and mxfp4, not {}; use --format mpq or dense",
       where, to_string(encoding));
}

std::vector<TensorPlan> plan(const ExportLinear& linear) {
  const Encoding& encoding = linear.encoding;
  require_held(encoding, linear.module);
  if (encoding.element != Element::Int)
    return float_plan(linear.module, encoding, linear.out, linear.in);
  const int64_t groups = group_count(encoding, linear.in, linear.module);
  std::vector<TensorPlan> tensors = {
      {linear.module + ".weight_shape", at::kLong, {2}},
      {linear.module + ".weight_packed", at::kInt, {linear.out, words(linear.in, encoding.bits)}},
      {linear.module + ".weight_scale", encoding.scale_dtype, {linear.out, groups}}};
  if (!encoding.symmetric()) {
    tensors.push_back({linear.module + ".weight_zero_point",
                       at::kInt,
                       {words(linear.out, encoding.bits), groups}});
  }
  return tensors;
}

/// Codes and zero points are stored with the offset 2^(bits-1) that makes them ours.
std::vector<at::Tensor> tensors(const ExportLinear& linear, const QuantizedLinear& quantized) {
  const Encoding& encoding = linear.encoding;
  if (encoding.element != Element::Int) return float_tensors(quantized, linear.module);
  const std::string scale_name = linear.module + ".weight_scale";
  std::vector<at::Tensor> result = {
      at::tensor({linear.out, linear.in}, at::kLong), pack_rows(quantized.codes, encoding.bits),
      exactly(quantized.grid.scale, encoding.scale_dtype, scale_name)};
  if (encoding.symmetric()) {
    require_middle(quantized.grid.zero, encoding.bits, linear.module);
  } else {
    result.push_back(
        pack_columns(exactly(quantized.grid.zero, at::kByte, linear.module + ".weight_zero_point"),
                     encoding.bits));
  }
  return result;
}

class CompressedTensors final : public Format {
 public:
  using Options = NoOptions;
  explicit CompressedTensors(const Options&) {}

  /// Readers hold the scales of integers in the model's dtype, whatever was asked for.
  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    Encoding encoding = asked;
    if (!encoding.plain()) {
      require_held(asked, "weight");
      if (encoding.element == Element::Int) encoding.scale_dtype = stored_dtype;
    }
    return fit_of(layout(), encoding, out, in, stored_dtype);
  }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    require_one_encoding_per_fusion(job.linears);
    Json config = source_config(job.source_folder, job.stored_dtype);
    Json quantization = packed_config(job.linears);
    if (!quantization.is_null()) config["quantization_config"] = std::move(quantization);
    return CheckpointWriter(job, layout()).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, layout()).bytes();
  }

  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    if (quant_method(config) != kMethod) return nullptr;
    return open_compressed_tensors(folder, quantization_of(config));
  }

 private:
  static LinearLayout layout() { return {plan, tensors}; }
};

MPQ_REGISTER(Format, CompressedTensors, "compressed-tensors",
             "for transformers, vLLM and SGLang; 2 to 8 bits, fp8, nvfp4 and mxfp4, mixed");

}  // namespace
}  // namespace mpq
