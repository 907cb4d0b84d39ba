// AutoRound checkpoints: GPTQ's tensors, mixed by `extra_config`.
#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/format/export_linears.h"
#include "mpq/format/gptq_tensors.h"
#include "mpq/format/match.h"

namespace mpq {
namespace {

constexpr const char* kMethod = "auto-round";
constexpr const char* kSymmetric = "auto_round:auto_gptq";  // zero points less one
constexpr const char* kAny = "auto_round";

bool symmetric(const std::vector<ExportLinear>& linears) {
  return std::all_of(linears.begin(), linears.end(),
                     [](const ExportLinear& linear) { return linear.encoding.symmetric(); });
}

/// vLLM reads the first packing alone, so it is taken when it can be.
GptqLayout layout_for(bool all_symmetric) { return {kMethod, all_symmetric, false, true}; }

Json scheme_json(const Encoding& encoding) {
  return {{"bits", encoding.bits},
          {"group_size", gptq_group_size(encoding)},
          {"sym", encoding.symmetric()},
          {"data_type", "int"}};
}

/// Linears whose scheme is not the folder's.
Json extra_config(const std::vector<ExportLinear>& linears, const Encoding& common) {
  Json extra = Json::object();
  for (const auto& linear : linears) {
    if (linear.encoding == common) continue;
    extra[linear.module] = linear.encoding.plain() ? Json({{"bits", 16}, {"data_type", "float"}})
                                                   : scheme_json(linear.encoding);
  }
  return extra;
}

/// The module's own entry by name, else by a regular expression; null when there is none.
Json own_entry(const Json& config, const std::string& module, const std::string& where) {
  const Json extra = json_get_or<Json>(config, "extra_config", Json::object(), where);
  require(extra.is_object(), ErrorCode::Format, "{}: \"extra_config\" is {}, expected an object",
          where, extra.type_name());
  if (extra.contains(module)) return extra.at(module);
  for (const auto& [pattern, entry] : extra.items()) {
    const bool regex = pattern.find_first_of("*+?^$[(|\\") != std::string::npos;
    if (regex && matches_start(pattern, module, where)) return entry;
  }
  return nullptr;
}

class AutoRound final : public Format {
 public:
  using Options = NoOptions;
  explicit AutoRound(const Options&) {}

  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    return gptq_fit(layout_for(false), asked, out, in, stored_dtype);
  }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    require_one_encoding_per_fusion(job.linears);
    Json config = source_config(job.source_folder, job.stored_dtype);
    if (const auto common = commonest_encoding(job.linears)) {
      Json quantization = {{"quant_method", kMethod},
                           {"packing_format", symmetric(job.linears) ? kSymmetric : kAny}};
      quantization.update(scheme_json(*common));
      quantization["extra_config"] = extra_config(job.linears, *common);
      config["quantization_config"] = quantization;
    }
    return writer(job).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override { return writer(job).bytes(); }

  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    if (quant_method(config) != kMethod) return nullptr;
    const Json quantization = quantization_of(config);
    const std::string where = folder + "/config.json: quantization_config";
    const auto packing = json_get<std::string>(quantization, "packing_format", where);
    require(packing == kSymmetric || packing == kAny, ErrorCode::Unsupported,
            "{}: packing_format is \"{}\", mpq reads \"{}\" and \"{}\"", where, packing, kAny,
            kSymmetric);
    return open_gptq(folder, packing == kSymmetric, [&](const std::string& module) {
      return gptq_encoding(own_entry(quantization, module, where), quantization, where);
    });
  }

 private:
  static CheckpointWriter writer(const ExportJob& job) {
    return CheckpointWriter(job, gptq_tensors(layout_for(symmetric(job.linears))));
  }
};

MPQ_REGISTER(Format, AutoRound, "auto-round",
             "AutoRound's layout for transformers and, symmetric, vLLM; 2 to 8 bits, mixed");

}  // namespace
}  // namespace mpq
