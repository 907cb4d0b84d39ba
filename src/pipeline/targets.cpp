// The rules of each runtime.
#include "mpq/pipeline/targets.h"

#include <algorithm>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"
#include "mpq/pipeline/candidates.h"

namespace mpq {
namespace {

/// A module's fusion group: its block and what kernels fuse it with, as units name them.
std::string fusion_group(const std::string& unit) {
  for (const auto& [part, fused] : std::map<std::string, std::string>{{"self_attn.q_proj", "qkv"},
                                                                      {"self_attn.k_proj", "qkv"},
                                                                      {"self_attn.v_proj", "qkv"},
                                                                      {"mlp.gate_proj", "gate_up"},
                                                                      {"mlp.up_proj", "gate_up"}}) {
    const size_t at = unit.rfind(part);
    if (at != std::string::npos && at + part.size() == unit.size()) return unit.substr(0, at) + fused;
  }
  return unit;
}

}  // namespace

const std::vector<Target>& all_targets() {
  static const std::vector<Target> kTargets = {
      {"transformers", "transformers with compressed-tensors", {2, 3, 4, 5, 6, 8, 16}, true, {}},
      {"vllm", "what every vLLM and SGLang kernel takes", {4, 8, 16}, false, {0, 32, 64, 128}},
      {"mpq", "mpq itself", {2, 3, 4, 5, 6, 7, 8, 16}, true, {}}};
  return kTargets;
}

const Target& target_named(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& target : all_targets()) {
    if (target.name == name) return target;
    known.push_back(target.name);
  }
  fail(ErrorCode::Usage, "--target: unknown target \"{}\"{}", name, suggestion(name, known));
}

std::vector<std::string> target_faults(const Target& target, const Plan& plan) {
  std::vector<std::string> faults;
  std::map<std::string, Scheme> by_group;
  for (const auto& unit : plan.units) {
    const Scheme scheme = scheme_of(unit.spec);
    if (std::find(target.palette.begin(), target.palette.end(), scheme.bits) == target.palette.end())
      faults.push_back(fmt::format("{}: {} has no {}-bit kernels", unit.name, target.name, scheme.bits));
    const bool any_group = target.groups.empty() || scheme.full_precision();
    if (!any_group && std::find(target.groups.begin(), target.groups.end(), scheme.group) ==
                          target.groups.end())
      faults.push_back(
          fmt::format("{}: {} has no kernels for groups of {}", unit.name, target.name, scheme.group));
    if (target.may_split) continue;
    for (const auto& module : unit.modules) {
      const auto [place, fresh] = by_group.emplace(fusion_group(module), scheme);
      if (!fresh && !(place->second == scheme))
        faults.push_back(fmt::format("{}: differs from the linears {} fuses it with", module,
                                     target.name));
    }
  }
  return faults;
}

}  // namespace mpq
