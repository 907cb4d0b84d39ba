// Reads a quantization_config of compressed-tensors, refusing by name what is not weight-only.
#include <algorithm>
#include <cstdio>

#include "mpq/core/error.h"
#include "mpq/format/compressed_tensors.h"
#include "mpq/format/float_layouts.h"
#include "mpq/format/match.h"

namespace mpq {
namespace {

/// What regular expressions among the targets begin with.
constexpr const char* kRegex = "re:";

constexpr const char* kMixed = "mixed-precision";

bool given(const Json& object, const char* key) {
  if (!object.contains(key)) return false;
  const Json& value = object.at(key);
  return !value.is_null() && !(value.is_structured() && value.empty());
}

void refuse(const Json& object, const char* key, const std::string& where) {
  require(!given(object, key), ErrorCode::Unsupported, "{}: \"{}\" is set; mpq reads weights alone",
          where, key);
}

void expect(const Json& object, const char* key, const std::string& value,
            const std::string& where) {
  const auto found = json_get_or<std::string>(object, key, value, where);
  require(found == value, ErrorCode::Unsupported, "{}: {} is \"{}\", mpq reads \"{}\"", where, key,
          found, value);
}

/// Until 0.18 codes of 3, 5, 6 and 7 bits were padded to whole codes a word.
bool pads_odd_bits(const Json& config, const std::string& where) {
  int major = 0, minor = 0;
  const auto version = json_get_or<std::string>(config, "version", "", where);
  return std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2 && major == 0 && minor < 18;
}

void read_strategy(const Json& weights, const std::string& where, PackedGroup& group) {
  const int size = json_get_or(weights, "group_size", 0, where);
  const std::string inferred = size > 0 ? "group" : size < 0 ? "channel" : "tensor";
  const auto strategy = json_get_or(weights, "strategy", inferred, where);
  require(strategy == "group" || strategy == "channel" || strategy == "tensor",
          ErrorCode::Unsupported, "{}: strategy is \"{}\", mpq reads group, channel and tensor",
          where, strategy);
  require((strategy == "group") == (size > 0), ErrorCode::Format,
          "{}: strategy \"{}\" does not go with group_size {}", where, strategy, size);
  group.encoding.group = std::max(size, 0);
  group.per_tensor = strategy == "tensor";
}

void read_integers(const Json& weights, const std::string& where, PackedGroup& group) {
  expect(weights, "type", "int", where);
  const bool symmetric = json_get_or(weights, "symmetric", true, where);
  group.encoding.zero = symmetric ? Zero::Middle : Zero::Whole;
  group.encoding.bits = json_get_or(weights, "num_bits", 8, where);
  require(group.encoding.bits >= 2 && group.encoding.bits <= 8, ErrorCode::Unsupported,
          "{}: num_bits is {}, mpq reads 2 to 8", where, group.encoding.bits);
  read_strategy(weights, where, group);
}

/// The group's format, one of whose kind must hold just what it says.
void read_float_group(const std::string& format, const Json& weights, const std::string& where,
                      PackedGroup& group) {
  for (const auto& known : float_formats()) {
    if (format != known.name) continue;
    const auto strategy = json_get_or<std::string>(weights, "strategy", "", where);
    const int bits = json_get_or(weights, "num_bits", 8, where);
    const int size = json_get_or(weights, "group_size", 0, where);
    require(json_get_or<std::string>(weights, "type", "int", where) == "float" &&
                strategy == known.strategy && bits == known.encoding.bits &&
                std::max(size, 0) == known.encoding.group &&
                json_get_or(weights, "symmetric", true, where),
            ErrorCode::Unsupported,
            "{}: {}: mpq reads symmetric floats of {} bits, strategy {}, group_size {}", where,
            format, known.encoding.bits, known.strategy, known.encoding.group);
    group.encoding = known.encoding;
    return;
  }
  fail(ErrorCode::Unsupported, "{}: format is \"{}\", which mpq does not read", where, format);
}

PackedGroup parse_group(const Json& json, const std::string& common_format,
                        const std::string& where) {
  PackedGroup group;
  require(json.is_object(), ErrorCode::Unsupported,
          "{}: is a preset by name; mpq reads groups that are spelt out", where);
  group.targets = json_get<std::vector<std::string>>(json, "targets", where);
  group.activations = given(json, "input_activations");
  refuse(json, "output_activations", where);
  const auto weights = json_get<Json>(json, "weights", where);
  require(weights.is_object(), ErrorCode::Format, "{}: \"weights\" is not an object", where);
  const auto actorder = weights.value("actorder", Json());
  require(actorder != "group" && actorder != "dynamic" && actorder != true, ErrorCode::Unsupported,
          "{}: actorder is {}, whose columns are permuted by weight_g_idx; mpq reads \"weight\" or "
          "none",
          where, actorder.dump());
  const auto dynamic = weights.value("dynamic", Json(false));
  require(dynamic == false || dynamic.is_null(), ErrorCode::Unsupported,
          "{}: dynamic weights have no stored scales", where);
  const auto format = json_get_or(json, "format", common_format, where);
  if (format == kPackQuantized) {
    read_integers(weights, where, group);
  } else {
    read_float_group(format, weights, where, group);
  }
  return group;
}

}  // namespace

std::vector<PackedGroup> parse_packed_config(const Json& config, const std::string& where) {
  require(config.is_object(), ErrorCode::Format, "{}: is not a JSON object", where);
  expect(config, "quant_method", "compressed-tensors", where);
  // A mixed checkpoint names the format of every group.
  auto format = json_get_or<std::string>(config, "format", kPackQuantized, where);
  if (format == kMixed) format = kPackQuantized;
  refuse(config, "kv_cache_scheme", where);
  refuse(config, "transform_config", where);
  if (given(config, "sparsity_config")) {
    expect(config.at("sparsity_config"), "format", "dense", where + ": sparsity_config");
  }
  const auto groups = json_get<Json>(config, "config_groups", where);
  require(groups.is_object(), ErrorCode::Format, "{}: \"config_groups\" is not an object", where);
  std::vector<PackedGroup> result;
  for (const auto& [name, group] : groups.items()) {
    result.push_back(parse_group(group, format, where + ": " + name));
    std::sort(result.back().targets.begin(), result.back().targets.end());
    const int bits = result.back().encoding.bits;
    require((bits & (bits - 1)) == 0 || !pads_odd_bits(config, where), ErrorCode::Unsupported,
            "{}: {}: {} bits in the padded layout of compressed-tensors before 0.18; save it again "
            "with a later one",
            where, name, bits);
  }
  return result;
}

const PackedGroup* find_group(const std::vector<PackedGroup>& groups, const std::string& module,
                              const std::string& where) {
  const auto named = [&](const std::string& name) -> const PackedGroup* {
    for (const auto& group : groups) {
      if (std::binary_search(group.targets.begin(), group.targets.end(), name)) return &group;
    }
    return nullptr;
  };
  if (const PackedGroup* group = named(module)) return group;
  const std::string prefix = kRegex;
  for (const auto& group : groups) {
    auto target = std::lower_bound(group.targets.begin(), group.targets.end(), prefix);
    for (; target != group.targets.end() && target->starts_with(prefix); ++target) {
      if (matches_start(target->substr(prefix.size()), module, where)) return &group;
    }
  }
  return named("Linear");
}

}  // namespace mpq
