// The native format: every scheme mpq knows, hybrids with high-impact channels included
// (docs/format.md).
#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/linear_tensors.h"
#include "mpq/format/native.h"

namespace mpq {
namespace {

class Native final : public Format {
 public:
  using Options = NoOptions;
  explicit Native(const Options&) {}

  int64_t linear_bytes(const Scheme& scheme, int64_t out, int64_t in,
                       at::ScalarType scale_dtype) const override {
    return layout_bytes(layout(), {"linear", out, in, scheme}, scale_dtype);
  }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    Json config = source_config(job.source_folder, job.scale_dtype);
    Json linears = Json::object();
    for (const auto& linear : job.linears) {
      if (linear.scheme.full_precision()) continue;
      linears[linear.module] = scheme_json(linear.scheme);
      linears[linear.module]["shape"] = {linear.out, linear.in};
    }
    if (!linears.empty()) {
      config["quantization_config"] = {
          {"quant_method", "mpq"}, {"schema", kNativeSchema}, {"linears", linears}};
    }
    return CheckpointWriter(job, layout()).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, layout()).bytes();
  }

 private:
  static LinearLayout layout() {
    return {[](const ExportLinear& linear, at::ScalarType scale_dtype) {
              return linear_plan(linear.module, linear.scheme, linear.out, linear.in, scale_dtype);
            },
            [](const ExportLinear& linear, const QuantizedLinear& quantized,
               at::ScalarType scale_dtype) {
              return linear_tensors(linear.module, quantized, scale_dtype);
            }};
  }
};

MPQ_REGISTER(Format, Native, "mpq",
             "mpq's own format, for hybrids and float zero points; read by mpq alone");

}  // namespace
}  // namespace mpq
