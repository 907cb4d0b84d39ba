// GPTQ checkpoints as GPTQModel writes them, mixed by its `dynamic` rules.
#include <regex>

#include "mpq/core/error.h"
#include "mpq/format/export_linears.h"
#include "mpq/format/gptq_tensors.h"
#include "mpq/format/match.h"

namespace mpq {
namespace {

constexpr const char* kMethod = "gptq";
constexpr const char* kVersions[] = {"gptq", "gptq_v2"};

struct GptqOptions {
  int version = 1;

  template <class Field>
  void visit(Field&& field) {
    field("version", version,
          "1: zero points less one, symmetric alone, for all readers; 2: as they are (GPTQModel)");
  }
};

/// A rule for one module, which GPTQModel and vLLM match from the name's start.
std::string rule(const char* sign, const std::string& module) {
  return std::string(sign) + "^" + std::regex_replace(module, std::regex("\\."), "\\.") + "$";
}

bool asymmetric(const std::vector<ExportLinear>& linears) {
  return std::any_of(linears.begin(), linears.end(),
                     [](const ExportLinear& linear) { return !linear.encoding.symmetric(); });
}

/// What differs from the commonest encoding is named, also as the linear that vLLM fuses it into.
Json dynamic_rules(const std::vector<ExportLinear>& linears, const Encoding& common) {
  Json rules = Json::object();
  for (const auto& linear : linears) {
    const auto& encoding = linear.encoding;
    if (encoding == common) continue;
    for (const auto& module : {linear.module, linear.fusion}) {
      if (module.empty()) continue;
      if (encoding.plain()) {
        rules[rule("-:", module)] = Json::object();
      } else {
        rules[rule("+:", module)] = {{"bits", encoding.bits},
                                     {"group_size", gptq_group_size(encoding)},
                                     {"sym", encoding.symmetric()}};
      }
    }
  }
  return rules;
}

/// The first rule that fits a module: its members, null when there is none.
Json matching_rule(const Json& config, const std::string& module, const std::string& where) {
  const Json rules = json_get_or<Json>(config, "dynamic", Json::object(), where);
  require(rules.is_object(), ErrorCode::Format, "{}: \"dynamic\" is {}, expected an object", where,
          rules.type_name());
  for (const auto& [key, members] : rules.items()) {
    const bool marked = key.starts_with("+:") || key.starts_with("-:");
    const std::string pattern = key.substr(marked ? 2 : 0);
    if (!matches_start(pattern, module, where)) continue;
    require(!key.starts_with("-:"), ErrorCode::Format,
            "{}: \"{}\" leaves {} unquantized, but it is packed", where, key, module);
    return members;
  }
  return nullptr;
}

class Gptq final : public Format {
 public:
  using Options = GptqOptions;
  explicit Gptq(const Options& options) : options_(options) {
    require(options.version == 1 || options.version == 2, ErrorCode::Usage,
            "gptq: option version: expected 1 or 2, found {}", options.version);
  }

  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    return gptq_fit(layout(), asked, out, in, stored_dtype);
  }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    require_one_encoding_per_fusion(job.linears);
    Json config = source_config(job.source_folder, job.stored_dtype);
    if (const auto common = commonest_encoding(job.linears)) {
      Json quantization = {{"quant_method", kMethod},
                           {"checkpoint_format", kVersions[options_.version - 1]},
                           {"bits", common->bits},
                           {"group_size", gptq_group_size(*common)},
                           {"sym", !asymmetric(job.linears)},
                           {"desc_act", false},
                           {"lm_head", false},
                           {"pack_dtype", "int32"},
                           {"dynamic", dynamic_rules(job.linears, *common)}};
      // transformers takes what has this key for version 2, and does not read it by auto-round.
      if (options_.version == 2) quantization["meta"] = {{"quantizer", {"mpq:" MPQ_VERSION}}};
      config["quantization_config"] = quantization;
      write_json_file(folder.file("quantize_config.json"), quantization);
    }
    return CheckpointWriter(job, gptq_tensors(layout())).write(folder, config);
  }

  int64_t file_bytes(const ExportJob& job) const override {
    return CheckpointWriter(job, gptq_tensors(layout())).bytes();
  }

  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    if (quant_method(config) != kMethod) return nullptr;
    const Json quantization = quantization_of(config);
    const std::string where = folder + "/config.json: quantization_config";
    const auto older = json_get_or<std::string>(quantization, "format", kVersions[0], where);
    const auto version = json_get_or(quantization, "checkpoint_format", older, where);
    require(version == kVersions[0] || version == kVersions[1], ErrorCode::Unsupported,
            "{}: checkpoint_format is \"{}\", mpq reads \"gptq\" and \"gptq_v2\"", where, version);
    return open_gptq(folder, version == kVersions[0], [&](const std::string& module) {
      return gptq_encoding(matching_rule(quantization, module, where), quantization, where);
    });
  }

 private:
  GptqLayout layout() const { return {"gptq", options_.version == 1, true, options_.version == 2}; }

  Options options_;
};

MPQ_REGISTER(Format, Gptq, "gptq", "GPTQ's layout for GPTQModel, transformers and vLLM, mixed");

}  // namespace
}  // namespace mpq
