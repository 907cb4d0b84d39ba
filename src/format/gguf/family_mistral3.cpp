// Mistral Small 3 with images, and Ministral 3, whose queries grow with the position.
#include "families.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr const char* kGrowth = ".attention.temperature_scale";
constexpr const char* kMscale = ".rope.scaling.yarn_log_multiplier";

void add_ministral3_keys(GgufKeys& keys, const FamilyModel& of) {
  if (json_get_or<std::string>(of.config, "model_type", "", of.where) != "ministral3") return;
  require(of.attention().rope.kind == RopeKind::Yarn, ErrorCode::Unsupported,
          "{}: GGUF: of Ministral 3 only a rope scaled by yarn is known", of.where);
  keys.real("rope.scaling.yarn_log_multiplier", of.attention().rope.mscale_all_dim);
  keys.real("attention.temperature_scale", of.attention().query_growth);
}

void check_mscale(const ModelConfig& model, std::vector<std::string>& found) {
  const AttentionConfig& attention = model.blocks.front().attention;
  if (attention.rope.kind == RopeKind::Yarn && attention.query_growth > 0 &&
      attention.rope.mscale != 1)
    found.push_back(fmt::format("mscale is 1, not {}", attention.rope.mscale));
}

bool has_growth(const MetadataReader& reader) { return reader.find_real(kGrowth).value_or(0) > 0; }

/// All settings stand in "rope_parameters", without which the class takes other ones.
void read_ministral3(Json& config, const GgufFile&, const MetadataReader& reader) {
  require(config.contains("rope_scaling") && config["rope_scaling"]["rope_type"] == "yarn",
          ErrorCode::Unsupported, "{}: mpq computes it with a rope scaled by yarn alone",
          reader.where(kGrowth));
  Json rope = config["rope_scaling"];
  config.erase("rope_scaling");
  rope["rope_theta"] = config["rope_theta"];
  rope["llama_4_scaling_beta"] = reader.real(kGrowth);
  const double mscale = reader.find_real(kMscale).value_or(0);
  if (mscale != 0) {
    rope["mscale"] = 1.0;
    rope["mscale_all_dim"] = mscale;
  }
  config["rope_parameters"] = rope;
}

/// The language model alone, which is a Mistral.
void read_mistral3(Json& config, const GgufFile&, const MetadataReader&) {
  config["model_type"] = "mistral";
  config["architectures"] = Json::array({"MistralForCausalLM"});
}

}  // namespace

GgufFamily ministral3_family() {
  return {.model_type = "ministral3",
          .architecture = "mistral3",
          .class_name = "Ministral3ForCausalLM",
          .graph = {.all_biases = true, .llama3_factors = true, .check = check_mscale},
          .of_llama = true,
          .add_keys = add_ministral3_keys,
          .keys = {kGrowth, kMscale},
          .is_of = has_growth,
          .read = read_ministral3};
}

GgufFamily mistral3_family() {
  GgufFamily family = ministral3_family();
  family.model_type = "mistral3";
  family.class_name = "Mistral3ForConditionalGeneration";
  family.keys = {};
  family.is_of = nullptr;
  family.read = read_mistral3;
  return family;
}

}  // namespace mpq
