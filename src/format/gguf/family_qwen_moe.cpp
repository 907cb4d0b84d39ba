// Qwen's mixtures: every layer has experts, and Qwen 2 one more that all tokens share.
#include "families.h"
#include "folder_parts.h"
#include "graph_checks.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr const char* kExpert = ".expert_feed_forward_length";
constexpr const char* kShared = ".expert_shared_feed_forward_length";

void add_qwen3_moe_keys(GgufKeys& keys, const FamilyModel& of) {
  keys.whole("expert_feed_forward_length", of.block().intermediate);
}

void add_qwen2_moe_keys(GgufKeys& keys, const FamilyModel& of) {
  add_qwen3_moe_keys(keys, of);
  keys.whole("expert_shared_feed_forward_length",
             json_get_or<int64_t>(of.config, "shared_expert_intermediate_size", 5632, of.where));
}

void check_qwen3_moe(const ModelConfig& model, std::vector<std::string>& found) {
  check_router(model, true, found);
}

void check_qwen2_moe(const ModelConfig& model, std::vector<std::string>& found) {
  check_router(model, false, found);
}

void read_qwen_moe(Json& config, const MetadataReader& reader, bool renormalise) {
  read_expert_counts(config, reader, "num_experts");
  config["norm_topk_prob"] = renormalise;
  // As llama.cpp takes it where the file does not say.
  const int64_t expert = reader.find_whole(kExpert).value_or(0);
  config["moe_intermediate_size"] = expert > 0 ? expert
                                               : config["intermediate_size"].get<int64_t>() /
                                                     config["num_experts_per_tok"].get<int64_t>();
}

void read_qwen3_moe(Json& config, const GgufFile&, const MetadataReader& reader) {
  read_qwen_moe(config, reader, true);
}

void read_qwen2_moe(Json& config, const GgufFile& file, const MetadataReader& reader) {
  read_qwen_moe(config, reader, false);
  const int64_t shared = reader.find_whole(kShared).value_or(0);
  config["shared_expert_intermediate_size"] =
      shared > 0 ? Json(shared) : config["intermediate_size"];
  read_qkv_biases(config, file, "qkv_bias");
}

}  // namespace

GgufFamily qwen3_moe_family() {
  return {.model_type = "qwen3_moe",
          .architecture = "qwen3moe",
          .class_name = "Qwen3MoeForCausalLM",
          .graph = {.check = check_qwen3_moe},
          .head_dim = GgufFamily::HeadDim::WhereSaid,
          .add_keys = add_qwen3_moe_keys,
          .keys = {".expert_count", ".expert_used_count", kExpert},
          .read = read_qwen3_moe};
}

GgufFamily qwen2_moe_family() {
  return {
      .model_type = "qwen2_moe",
      .architecture = "qwen2moe",
      .class_name = "Qwen2MoeForCausalLM",
      .graph = {.output = GgufGraph::Output::Own, .square_heads = true, .check = check_qwen2_moe},
      .head_dim = GgufFamily::HeadDim::WhereSaid,
      .add_keys = add_qwen2_moe_keys,
      .keys = {".expert_count", ".expert_used_count", kExpert, kShared},
      .read = read_qwen2_moe};
}

}  // namespace mpq
