// Writes the quantization_config of a pack-quantized checkpoint.
#include <algorithm>

#include "mpq/format/compressed_tensors.h"

namespace mpq {
namespace {

constexpr const char* kFormat = "pack-quantized";
/// The first compressed-tensors whose 3, 5, 6 and 7 bit layouts are the dense ones written here.
constexpr const char* kLayoutVersion = "0.18.0";

Json weights_of(const Encoding& encoding) {
  Json weights = {{"num_bits", encoding.bits},
                  {"type", "int"},
                  {"symmetric", encoding.symmetric()},
                  {"strategy", encoding.group == 0 ? "channel" : "group"},
                  {"group_size", nullptr},
                  {"dynamic", false}};
  if (encoding.group != 0) weights["group_size"] = encoding.group;
  return weights;
}

}  // namespace

Json packed_config(const std::vector<ExportLinear>& linears) {
  std::vector<Encoding> encodings;
  std::vector<Json> targets;
  Json ignore = Json::array();
  for (const auto& linear : linears) {
    if (linear.encoding.plain()) {
      ignore.push_back(linear.module);
      continue;
    }
    const auto found = std::find(encodings.begin(), encodings.end(), linear.encoding);
    const auto at = static_cast<size_t>(found - encodings.begin());
    if (found == encodings.end()) {
      encodings.push_back(linear.encoding);
      targets.push_back(Json::array());
    }
    targets[at].push_back(linear.module);
  }
  if (encodings.empty()) return nullptr;
  ignore.push_back("lm_head");
  Json groups = Json::object();
  for (size_t g = 0; g < encodings.size(); ++g) {
    groups[fmt::format("group_{}", g)] = {{"targets", targets[g]},
                                          {"weights", weights_of(encodings[g])},
                                          {"input_activations", nullptr},
                                          {"output_activations", nullptr},
                                          {"format", kFormat}};
  }
  return {{"quant_method", "compressed-tensors"},
          {"version", kLayoutVersion},
          {"format", kFormat},
          {"quantization_status", "compressed"},
          {"config_groups", groups},
          {"ignore", ignore},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr}};
}

}  // namespace mpq
