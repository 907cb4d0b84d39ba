// The native format: every encoding mpq knows, hybrids with high-impact channels included
// (docs/format.md).
#include "mpq/core/error.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/linear_tensors.h"
#include "mpq/format/native.h"

namespace mpq {
namespace {

constexpr const char* kMethod = "mpq";

class Native final : public Format {
 public:
  using Options = NoOptions;
  explicit Native(const Options&) {}

  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    return fit_of(layout(), resolved(asked, stored_dtype), out, in, stored_dtype);
  }

  bool holds_ends() const override { return true; }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    Json config = source_config(job.source_folder, job.stored_dtype);
    Json linears = Json::object();
    for (const auto& linear : job.linears) {
      if (linear.encoding.plain()) continue;
      linears[linear.module] = {{"encoding", to_string(linear.encoding)},
                                {"shape", {linear.out, linear.in}}};
    }
    if (!linears.empty()) {
      config["quantization_config"] = {
          {"quant_method", kMethod}, {"schema", kNativeSchema}, {"linears", linears}};
    }
    return CheckpointWriter(job, layout()).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, layout()).bytes();
  }

  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    if (quant_method(config) != kMethod) return nullptr;
    return open_native(folder, quantization_of(config));
  }

 private:
  static LinearLayout layout() {
    return {[](const ExportLinear& linear) {
              return linear_plan(linear.module, linear.encoding, linear.out, linear.in);
            },
            [](const ExportLinear& linear, const QuantizedLinear& quantized) {
              return linear_tensors(linear.module, quantized);
            }};
  }
};

MPQ_REGISTER(Format, Native, "mpq",
             "mpq's own format, for every encoding and for hybrids; read by mpq alone");

}  // namespace
}  // namespace mpq
