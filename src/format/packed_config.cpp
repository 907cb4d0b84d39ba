// Writes the quantization_config of a compressed-tensors checkpoint.
#include <algorithm>
#include <set>

#include "mpq/format/compressed_tensors.h"
#include "mpq/format/float_layouts.h"

namespace mpq {
namespace {

/// The oldest compressed-tensors that reads a width as it is written here: until 0.18 codes of 3,
/// 5, 6 and 7 bits were padded.
constexpr const char* kVersion = "0.17.0";
constexpr const char* kDenseVersion = "0.18.0";

bool was_padded(const Encoding& encoding) {
  return encoding.element == Element::Int && (encoding.bits & (encoding.bits - 1)) != 0;
}

Json weights_of(const Encoding& encoding) {
  const FloatFormat* format = float_format(encoding);
  const char* by_size = encoding.group == 0 ? "channel" : "group";
  Json weights = {{"num_bits", encoding.bits},
                  {"type", format == nullptr ? "int" : "float"},
                  {"symmetric", encoding.symmetric()},
                  {"strategy", format == nullptr ? by_size : format->strategy},
                  {"group_size", nullptr},
                  {"dynamic", false}};
  if (encoding.group != 0) weights["group_size"] = encoding.group;
  if (format != nullptr && format->scale_dtype != nullptr)
    weights["scale_dtype"] = format->scale_dtype;
  return weights;
}

const char* format_of(const Encoding& encoding) {
  const FloatFormat* format = float_format(encoding);
  return format == nullptr ? kPackQuantized : format->name;
}

/// The names that readers know a linear by. A model with images is loaded under other prefixes than
/// it is stored under, by transformers as by vLLM, and some load its language model alone: there a
/// regular expression stands for all, one for all experts of a block.
std::string target_of(const std::string& module) {
  constexpr const char* kNested = "language_model.";
  if (module.find(kNested) == std::string::npos) return module;
  std::string rest = module;
  for (const std::string part : {kNested, "model.", kNested}) {
    if (rest.starts_with(part)) rest.erase(0, part.size());
  }
  std::string pattern;
  bool after_experts = false;
  for (size_t begin = 0; begin < rest.size();) {
    const size_t end = std::min(rest.find('.', begin), rest.size());
    const std::string part = rest.substr(begin, end - begin);
    const bool index = after_experts && part.find_first_not_of("0123456789") == std::string::npos;
    pattern += (pattern.empty() ? "" : "[.]") + (index ? "[0-9]+" : part);
    after_experts = part == "experts";
    begin = end + 1;
  }
  return "re:^(model[.]|language_model[.])*" + pattern + "$";
}

}  // namespace

Json packed_config(const std::vector<ExportLinear>& linears) {
  std::vector<Encoding> encodings;
  std::vector<Json> targets;
  Json ignore = Json::array();
  std::set<std::string> seen;
  const auto add = [&](const std::string& module, Json& list) {
    const std::string target = target_of(module);
    if (seen.insert(target).second) list.push_back(target);
  };
  for (const auto& linear : linears) {
    if (linear.encoding.plain()) {
      add(linear.module, ignore);
      continue;
    }
    const auto found = std::find(encodings.begin(), encodings.end(), linear.encoding);
    const auto at = static_cast<size_t>(found - encodings.begin());
    if (found == encodings.end()) {
      encodings.push_back(linear.encoding);
      targets.push_back(Json::array());
    }
    add(linear.module, targets[at]);
  }
  if (encodings.empty()) return nullptr;
  const std::string head = "lm_head";
  const bool nested = std::any_of(linears.begin(), linears.end(), [](const ExportLinear& linear) {
    return target_of(linear.module) != linear.module;
  });
  if (std::none_of(linears.begin(), linears.end(),
                   [&](const ExportLinear& linear) { return linear.module == head; }))
    ignore.push_back(nested ? target_of("language_model." + head) : head);
  Json groups = Json::object();
  std::set<std::string> formats;
  for (size_t g = 0; g < encodings.size(); ++g) {
    formats.insert(format_of(encodings[g]));
    groups[fmt::format("group_{}", g)] = {{"targets", targets[g]},
                                          {"weights", weights_of(encodings[g])},
                                          {"input_activations", nullptr},
                                          {"output_activations", nullptr},
                                          {"format", format_of(encodings[g])}};
  }
  const bool padded = std::any_of(encodings.begin(), encodings.end(), was_padded);
  return {{"quant_method", "compressed-tensors"},
          {"version", padded ? kDenseVersion : kVersion},
          {"format", formats.size() == 1 ? *formats.begin() : "mixed-precision"},
          {"quantization_status", "compressed"},
          {"config_groups", groups},
          {"ignore", ignore},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr}};
}

}  // namespace mpq
