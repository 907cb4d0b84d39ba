// Biases by the tensors that there are, experts by their keys.
#include "folder_parts.h"

#include <algorithm>

#include "mpq/core/error.h"

namespace mpq {

bool has_biases(const GgufFile& file, std::initializer_list<const char*> linears) {
  const auto has = [&](const char* linear) {
    return file.find(fmt::format("blk.0.{}.bias", linear)) != nullptr;
  };
  const auto count = std::count_if(linears.begin(), linears.end(), has);
  require(count == 0 || count == static_cast<int64_t>(linears.size()), ErrorCode::Unsupported,
          "{}: {} of the {} linears {}, ... have biases; mpq computes all or none of them",
          file.path(), count, linears.size(), *linears.begin());
  return count > 0;
}

void read_qkv_biases(Json& config, const GgufFile& file, const char* member) {
  if (!file.tensors().empty()) config[member] = has_biases(file, {"attn_q", "attn_k", "attn_v"});
}

void read_all_biases(Json& config, const GgufFile& file) {
  if (file.tensors().empty()) return;
  if (has_biases(file, {"attn_q", "attn_k", "attn_v", "attn_output"}))
    config["attention_bias"] = true;
  if (has_biases(file, {"ffn_gate", "ffn_up", "ffn_down"})) config["mlp_bias"] = true;
}

int64_t positive(const MetadataReader& reader, const char* key) {
  const int64_t value = reader.whole(key);
  require(value > 0, ErrorCode::Format, "{}: expected a positive number, found 0",
          reader.where(key));
  return value;
}

void read_expert_counts(Json& config, const MetadataReader& reader, const char* member) {
  config[member] = positive(reader, ".expert_count");
  config["num_experts_per_tok"] = positive(reader, ".expert_used_count");
}

}  // namespace mpq
