// In the converter's order; its model card (README.md) is not read.
#include "general.h"

#include <algorithm>
#include <filesystem>

#include "model_id.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

/// Settings that generation_config.json has and their keys; whole numbers but for the floats.
struct Setting {
  const char* key;
  const char* name;
  bool whole;
};
constexpr Setting kSettings[] = {{"top_k", "top_k", true},
                                 {"top_p", "top_p", false},
                                 {"min_p", "min_p", false},
                                 {"temperature", "temp", false},
                                 {"repetition_penalty", "penalty_repeat", false}};

void add_sampling(const std::string& folder, GgufMetadata& result) {
  const std::string path = folder + "/generation_config.json";
  if (!fs::exists(path)) return;
  const Json config = read_json_file(path);
  for (const Setting& setting : kSettings) {
    const auto found = config.is_object() ? config.find(setting.key) : config.end();
    if (found == config.end() || found->is_null()) continue;
    GgufValue value;
    if (setting.whole) {
      value = json_get<int32_t>(config, setting.key, path);
    } else {
      value = json_get<float>(config, setting.key, path);
    }
    result.push_back({fmt::format("general.sampling.{}", setting.name), std::move(value)});
  }
}

std::string folder_name(const std::string& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

/// What the first name does not say, the second may.
void fill(std::string& text, const std::string& other) {
  if (text.empty()) text = other;
}

/// Numbers in the tensors, and what one expert and all that is no expert have together.
struct Parameters {
  int64_t all = 0, of_one_expert = 0, experts = 0;
};

Parameters count_parameters(const std::vector<GgufTensor>& tensors) {
  Parameters count;
  for (const GgufTensor& tensor : tensors) {
    int64_t size = 1;
    for (const int64_t dim : tensor.shape) size *= dim;
    const auto experts = static_cast<int64_t>(tensor.experts.size());
    count.all += size;
    count.of_one_expert += experts > 0 ? size / experts : size;
    count.experts = std::max(count.experts, experts);
  }
  return count;
}

std::string size_label(const Parameters& count) {
  if (count.experts == 0) return rounded_size(count.all);
  return fmt::format("{}x{}", count.experts, rounded_size(count.of_one_expert));
}

}  // namespace

GgufMetadata gguf_general(const std::string& folder, const Json& config,
                          const std::vector<GgufTensor>& tensors) {
  const Parameters count = count_parameters(tensors);
  GgufMetadata result = {{"general.type", std::string("model")}};
  add_sampling(folder, result);
  const auto published = config.find("_name_or_path");
  ModelId id;
  if (published != config.end() && published->is_string()) {
    const auto text = published->get<std::string>();
    // With more than one slash it is a path of the machine that saved it.
    if (std::count(text.begin(), text.end(), '/') <= 1) id = parse_model_id(text, count.all);
  }
  const ModelId other = parse_model_id(folder_name(folder), count.all);
  fill(id.name, other.name);
  fill(id.organization, other.organization);
  fill(id.basename, other.basename);
  fill(id.finetune, other.finetune);
  fill(id.version, other.version);
  fill(id.size_label, other.size_label);
  fill(id.size_label, size_label(count));
  for (const auto& [key, text] : {std::pair{"name", title_of(id.name)},
                                  {"version", id.version},
                                  {"organization", title_of(id.organization)},
                                  {"finetune", id.finetune},
                                  {"basename", id.basename},
                                  {"size_label", id.size_label}}) {
    if (!text.empty()) result.push_back({fmt::format("general.{}", key), text});
  }
  return result;
}

}  // namespace mpq
