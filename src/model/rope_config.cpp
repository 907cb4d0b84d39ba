// Reads rope settings from both generations of config.json.
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/core/suggest.h"
#include "mpq/model/rope.h"

namespace mpq {
namespace {

RopeKind kind_of(const std::string& name, const std::string& where) {
  static const std::map<std::string, RopeKind> kKinds = {
      {"default", RopeKind::Default}, {"linear", RopeKind::Linear},
      {"dynamic", RopeKind::Dynamic}, {"llama3", RopeKind::Llama3},
      {"yarn", RopeKind::Yarn},       {"longrope", RopeKind::LongRope},
      {"su", RopeKind::LongRope},     {"proportional", RopeKind::Proportional}};
  const auto found = kKinds.find(name);
  require(
      found != kKinds.end(), ErrorCode::Unsupported,
      "{}: rope type \"{}\" is not supported; supported: default, linear, dynamic, llama3, yarn, "
      "longrope, proportional",
      where, name);
  return found->second;
}

void check_factors(const std::vector<double>& factors, int64_t dim, const char* name,
                   const std::string& where) {
  require(static_cast<int64_t>(factors.size()) == dim / 2, ErrorCode::Format,
          "{}: {} has {} entries, expected {} (half of the rotated channels)", where, name,
          factors.size(), dim / 2);
  for (const double factor : factors)
    require(factor > 0, ErrorCode::Format, "{}: {} holds {}, expected above 0", where, name,
            factor);
}

/// The block of settings; empty when there is none. What is there and cannot be read is an error.
Json settings(const Json& config, const char* key, const std::string& where) {
  const auto block = json_get_or<Json>(config, key, Json::object(), where);
  require(block.is_object(), ErrorCode::Format, "{}: \"{}\" is {}, expected an object or null",
          where, key, json_text(block));
  for (const auto& [name, value] : block.items()) {
    if (value.is_object())
      fail(ErrorCode::Unsupported,
           "{}: \"{}\" has settings of its own for \"{}\"; one setting for all layers is supported",
           where, key, name);
  }
  return block;
}

/// Settings that a kind is nothing without, as transformers demands them.
void check_complete(RopeKind kind, const Json& scaling, bool has_original,
                    const std::string& where) {
  const auto has = [&](const char* key) {
    return scaling.contains(key) && !scaling.at(key).is_null();
  };
  const auto need = [&](const char* key) {
    require(has(key), ErrorCode::Format, "{}: the rope settings {} lack \"{}\"", where,
            json_text(scaling), key);
  };
  if (kind == RopeKind::Default && !has("rope_type") && !has("type") && has("factor")) {
    require(scaling.at("factor") == 1, ErrorCode::Format,
            "{}: the rope settings {} have a factor, but no \"rope_type\"", where,
            json_text(scaling));
  }
  if (kind == RopeKind::Linear || kind == RopeKind::Dynamic || kind == RopeKind::Llama3)
    need("factor");
  if (kind == RopeKind::Yarn && !has_original) need("factor");
  if (kind != RopeKind::Llama3) return;
  need("low_freq_factor");
  need("high_freq_factor");
  if (!has_original) need("original_max_position_embeddings");
}

/// What a kind divides by or takes the logarithm of.
bool in_range(const RopeConfig& rope) {
  switch (rope.kind) {
    case RopeKind::Llama3:
      return rope.low_freq_factor > 0 && rope.high_freq_factor > rope.low_freq_factor;
    case RopeKind::Yarn:
      return rope.beta_fast > 0 && rope.beta_slow > 0;
    case RopeKind::LongRope:
      return rope.original_max_positions > 1;
    case RopeKind::Proportional:
      return rope.share > 0 && rope.share <= 1;
    default:
      return true;
  }
}

}  // namespace

RopeConfig parse_rope(const Json& config, int64_t rotary_dim, const std::string& where) {
  Json scaling = settings(config, "rope_parameters", where);
  if (const Json older = settings(config, "rope_scaling", where); scaling.empty()) scaling = older;
  RopeConfig rope;
  const auto number = [&](const char* key, double fallback) {
    return json_get_or<double>(scaling, key, fallback, where);
  };
  rope.kind = kind_of(
      json_get_or<std::string>(scaling, "rope_type",
                               json_get_or<std::string>(scaling, "type", "default", where), where),
      where);
  const auto has_original = [](const Json& block) {
    const auto found = block.find("original_max_position_embeddings");
    return found != block.end() && !found->is_null();
  };
  check_complete(rope.kind, scaling, has_original(scaling) || has_original(config), where);
  rope.dim = rotary_dim;
  rope.theta = number("rope_theta", json_get_or<double>(config, "rope_theta", 10000.0, where));
  rope.max_positions = json_get_or<int64_t>(config, "max_position_embeddings", 2048, where);
  const auto original =
      json_get_or<int64_t>(config, "original_max_position_embeddings", rope.max_positions, where);
  rope.original_max_positions =
      json_get_or<int64_t>(scaling, "original_max_position_embeddings", original, where);
  rope.factor =
      number("factor", static_cast<double>(rope.max_positions) /
                           static_cast<double>(std::max<int64_t>(rope.original_max_positions, 1)));
  rope.low_freq_factor = number("low_freq_factor", 1);
  rope.high_freq_factor = number("high_freq_factor", 4);
  rope.beta_fast = number("beta_fast", 32);
  rope.beta_slow = number("beta_slow", 1);
  rope.truncate = json_get_or<bool>(scaling, "truncate", true, where);
  rope.attention_factor = number("attention_factor", 0);
  rope.mscale = number("mscale", 0);
  rope.mscale_all_dim = number("mscale_all_dim", 0);
  if (rope.kind == RopeKind::Proportional) rope.share = number("partial_rotary_factor", 1);
  require(rope.theta > 1 && rope.factor > 0 && rope.max_positions > 0 &&
              rope.original_max_positions > 0 && rotary_dim > 0 && rotary_dim % 2 == 0 &&
              in_range(rope),
          ErrorCode::Format, "{}: the rope settings are out of range: {}", where,
          json_text(scaling));
  if (rope.kind == RopeKind::LongRope) {
    rope.short_factor = json_get<std::vector<double>>(scaling, "short_factor", where);
    rope.long_factor = json_get<std::vector<double>>(scaling, "long_factor", where);
    check_factors(rope.short_factor, rotary_dim, "short_factor", where);
    check_factors(rope.long_factor, rotary_dim, "long_factor", where);
  }
  return rope;
}

}  // namespace mpq
