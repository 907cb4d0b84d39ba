// The inverse of the rope's part of hyperparameters.cpp, and of rope_factors.cpp.
#include "folder_rope.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensors.h"

namespace mpq {
namespace {

constexpr double kTheta = 10000;  // llama.cpp's, where a file has none
constexpr const char* kFrequencies = "rope_freqs.weight";
constexpr const char* kShort = "rope_factors_short.weight";
constexpr const char* kLong = "rope_factors_long.weight";
// Of every published Llama 3 with a scaling; its factor is 8 or 32.
constexpr double kLowFrequency = 1, kHighFrequency = 4;
constexpr int64_t kOriginalPositions = 8192;
constexpr float kTolerance = 1e-5F;

std::vector<float> read_factors(const GgufFile& file, const char* name, int64_t rotated) {
  const GgufTensorInfo* info = file.find(name);
  require(info != nullptr, ErrorCode::Format, "{}: expected the tensor {}, found none", file.path(),
          name);
  require(info->type.name == "F32" && info->dims == std::vector<int64_t>{rotated / 2},
          ErrorCode::Format, "{}: {}: expected {} numbers of F32, found {} of {}", file.path(),
          name, rotated / 2, info->dims.front(), info->type.name);
  std::vector<float> factors(static_cast<size_t>(rotated / 2));
  const auto bytes = file.data(*info);
  std::memcpy(factors.data(), bytes.data(), std::min(bytes.size(), factors.size() * sizeof(float)));
  for (const float factor : factors)
    require(std::isfinite(factor) && factor > 0, ErrorCode::Format,
            "{}: {}: expected factors above 0, found {}", file.path(), name, factor);
  return factors;
}

Json decimals(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float value : values) list.push_back(shortest_decimal(value));
  return list;
}

/// Whether the factors are those that Llama 3's settings make, with this largest one.
bool are_of_llama3(const std::vector<float>& factors, double factor, double theta) {
  RopeConfig rope;
  rope.kind = RopeKind::Llama3;
  rope.theta = theta;
  rope.dim = static_cast<int64_t>(2 * factors.size());
  rope.original_max_positions = kOriginalPositions;
  rope.factor = factor;
  rope.low_freq_factor = kLowFrequency;
  rope.high_freq_factor = kHighFrequency;
  const auto made = gguf_rope_factors({.llama3_factors = true}, rope);
  return made.size() == 1 &&
         std::equal(factors.begin(), factors.end(), made[0].values.begin(), made[0].values.end(),
                    [](float a, float b) { return std::abs(a - b) <= kTolerance * b; });
}

Json frequencies(const std::vector<float>& factors, double theta) {
  const double largest = shortest_decimal(*std::max_element(factors.begin(), factors.end()));
  if (are_of_llama3(factors, largest, theta)) {
    return {{"rope_type", "llama3"},
            {"factor", largest},
            {"low_freq_factor", kLowFrequency},
            {"high_freq_factor", kHighFrequency},
            {"original_max_position_embeddings", kOriginalPositions}};
  }
  const Json all = decimals(factors);
  return {{"rope_type", "longrope"},
          {"factor", 1.0},
          {"attention_factor", 1.0},
          {"short_factor", all},
          {"long_factor", all}};
}

double scaling_factor(const MetadataReader& reader) {
  const char* key =
      reader.has(".rope.scaling.factor") ? ".rope.scaling.factor" : ".rope.scale_linear";
  const double factor = reader.find_real(key).value_or(1);
  require(factor >= 0, ErrorCode::Format, "{}: expected a factor above 0, found {}",
          reader.where(key), factor);
  return factor == 0 ? 1 : factor;  // as llama.cpp reads it
}

Json yarn(const MetadataReader& reader) {
  Json scaling = {{"rope_type", "yarn"}, {"factor", scaling_factor(reader)}};
  if (const auto original = reader.find_whole(".rope.scaling.original_context_length"))
    scaling["original_max_position_embeddings"] = *original;
  for (const auto& [key, name] : {std::pair{".rope.scaling.yarn_attn_factor", "attention_factor"},
                                  {".rope.scaling.yarn_beta_fast", "beta_fast"},
                                  {".rope.scaling.yarn_beta_slow", "beta_slow"}}) {
    if (const auto value = reader.find_real(key)) scaling[name] = *value;
  }
  return scaling;
}

/// A share that makes the number again when head_dim times it is rounded down.
double rotated_share(int64_t rotated, int64_t head_dim) {
  const auto all = static_cast<double>(head_dim), some = static_cast<double>(rotated);
  const double share = some / all;
  return share * all < some ? std::nextafter(share, 1.0) : share;
}

Json longrope(const GgufFile& file, const MetadataReader& reader, int64_t rotated) {
  const double attention = reader.find_real(".rope.scaling.attn_factor").value_or(1);
  require(attention > 0, ErrorCode::Format, "{}: expected a factor above 0, found {}",
          reader.where(".rope.scaling.attn_factor"), attention);
  return {{"rope_type", "longrope"},
          {"attention_factor", attention},
          {"short_factor", decimals(read_factors(file, kShort, rotated))},
          {"long_factor", decimals(read_factors(file, kLong, rotated))}};
}

}  // namespace

void add_rope(Json& config, const GgufGraph& graph, const GgufFile& file,
              const MetadataReader& reader, int64_t head_dim) {
  const double theta = reader.find_real(".rope.freq_base").value_or(kTheta);
  config["rope_theta"] = theta;
  const int64_t rotated = reader.find_whole(".rope.dimension_count").value_or(head_dim);
  require(rotated > 0 && rotated % 2 == 0 && rotated <= head_dim, ErrorCode::Format,
          "{}: expected an even number up to the {} channels of a head, found {}",
          reader.where(".rope.dimension_count"), head_dim, rotated);
  require(graph.rotates_part || rotated == head_dim, ErrorCode::Unsupported,
          "{}: {} of {} channels are rotated; of this family mpq rotates all",
          reader.where(".rope.dimension_count"), rotated, head_dim);
  if (graph.rotates_part) config["partial_rotary_factor"] = rotated_share(rotated, head_dim);

  const auto name = reader.find_text(".rope.scaling.type");
  const std::string type = name.value_or("linear");
  const bool has_factors = file.find(kShort) != nullptr || file.find(kLong) != nullptr;
  const bool is_long = type == "longrope" || has_factors;
  require(type == "none" || type == "linear" || type == "yarn" || type == "longrope",
          ErrorCode::Unsupported, "{}: mpq does not compute \"{}\"",
          reader.where(".rope.scaling.type"), type);
  require(!is_long || graph.long_factors || graph.llama3_factors, ErrorCode::Unsupported,
          "{}: of this family llama.cpp has no long and short factors of the rope", file.path());
  require(is_long || reader.find_real(".rope.scaling.attn_factor").value_or(1) == 1,
          ErrorCode::Unsupported, "{}: mpq scales attention so with longrope alone",
          reader.where(".rope.scaling.attn_factor"));
  const double factor = scaling_factor(reader);
  if (is_long) {
    require(factor == 1, ErrorCode::Unsupported, "{}: mpq does not compute it beside longrope",
            reader.where(".rope.scaling.factor"));
    config["rope_scaling"] = longrope(file, reader, rotated);
  } else if (file.find(kFrequencies) != nullptr) {
    require(graph.llama3_factors && (type == "none" || factor == 1) && type != "yarn",
            ErrorCode::Unsupported, "{}: {} stands beside another scaling of the rope", file.path(),
            kFrequencies);
    config["rope_scaling"] = frequencies(read_factors(file, kFrequencies, rotated), theta);
  } else if (type == "yarn") {
    config["rope_scaling"] = yarn(reader);
  } else if (type == "linear" && factor != 1) {
    config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", factor}};
  }
}

}  // namespace mpq
