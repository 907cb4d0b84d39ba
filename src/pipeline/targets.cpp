// The rules of each runtime.
#include "mpq/pipeline/targets.h"

#include <algorithm>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"
#include "mpq/pipeline/candidates.h"

namespace mpq {
const std::vector<Target>& all_targets() {
  static const std::vector<Target> kTargets = {
      {"transformers",
       "transformers with compressed-tensors",
       {2, 3, 4, 5, 6, 8, 16},
       true,
       {},
       true},
      {"vllm",
       "what every vLLM and SGLang kernel takes",
       {4, 8, 16},
       false,
       {0, 32, 64, 128},
       true},
      {"mpq", "mpq itself", {2, 3, 4, 5, 6, 7, 8, 16}, true, {}, false, true}};
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

std::vector<std::string> target_faults(const Target& target, const Plan& plan,
                                       const ModelConfig& config) {
  std::vector<std::string> faults;
  std::map<std::pair<int64_t, Stage>, Scheme> fused;  // linears of a stage are what kernels fuse
  for (const auto& [unit, spec] : resolve_plan(plan, config)) {
    const Scheme scheme = scheme_of(spec);
    const auto runs = [&](int bits) {
      return std::find(target.palette.begin(), target.palette.end(), bits) != target.palette.end();
    };
    if (scheme.hybrid() && !target.holds_hybrids)
      faults.push_back(fmt::format("{}: {} has no kernels for two widths in one linear", unit.name,
                                   target.name));
    if (scheme.hybrid() && target.holds_hybrids && !runs(scheme.high_bits))
      faults.push_back(
          fmt::format("{}: {} has no {}-bit kernels", unit.name, target.name, scheme.high_bits));
    if (!runs(scheme.bits))
      faults.push_back(
          fmt::format("{}: {} has no {}-bit kernels", unit.name, target.name, scheme.bits));
    const bool any_group = target.groups.empty() || scheme.full_precision();
    if (!any_group &&
        std::find(target.groups.begin(), target.groups.end(), scheme.group) == target.groups.end())
      faults.push_back(fmt::format("{}: {} has no kernels for groups of {}", unit.name, target.name,
                                   scheme.group));
    if (target.needs_symmetric && !scheme.symmetric)
      faults.push_back(
          fmt::format("{}: {} cannot load asymmetric zero points; quantize with the option sym",
                      unit.name, target.name));
    const auto [place, fresh] = fused.emplace(std::pair(unit.block, unit.stage), scheme);
    if (!target.may_split && !fresh && !(place->second == scheme))
      faults.push_back(
          fmt::format("{}: differs from the linears {} fuses it with", unit.name, target.name));
  }
  return faults;
}

}  // namespace mpq
