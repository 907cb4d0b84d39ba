// The rules of each runtime.
#include "mpq/pipeline/targets.h"

#include <algorithm>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"
#include "mpq/pipeline/candidates.h"

namespace mpq {
namespace {

template <class Value>
bool holds(const std::vector<Value>& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

const std::vector<int> kAll = {2, 3, 4, 5, 6, 7, 8};
const std::vector<int> kUsualGroups = {0, 32, 64, 128};

std::vector<std::string> every_name() {
  std::vector<std::string> names;
  for (const auto& [name, encoding] : named_encodings()) names.push_back(name);
  return names;
}

/// What of one encoding the target cannot run, without the unit's name; empty: nothing.
std::vector<std::string> encoding_faults(const Target& target, const Encoding& encoding) {
  std::vector<std::string> faults;
  const auto check_width = [&](int bits) {
    if (!holds(target.palette, std::to_string(bits)))
      faults.push_back(fmt::format("{} has no {}-bit kernels", target.name, bits));
  };
  const std::string name = to_string(encoding);
  if (holds(target.palette, name) || holds(target.also, name)) return faults;
  if (!encoding.plain() && !encoding.uniform())
    return {fmt::format("{} has no kernels for {}", target.name, name)};
  if (encoding.hybrid() && !target.holds_hybrids)
    faults.push_back(fmt::format("{} has no kernels for two widths in one linear", target.name));
  if (encoding.hybrid() && target.holds_hybrids) check_width(encoding.high_bits);
  check_width(encoding.bits);
  if (encoding.plain()) return faults;
  if (!target.groups.empty() && !holds(target.groups, encoding.group))
    faults.push_back(fmt::format(
        "{} has no kernels for groups of {}", target.name,
        encoding.group == 0 ? std::string("a whole row") : std::to_string(encoding.group)));
  if (!encoding.symmetric() && !holds(target.asymmetric, encoding.bits))
    faults.push_back(fmt::format(
        "{} cannot load asymmetric zero points at {} bits; quantize with the option sym",
        target.name, encoding.bits));
  return faults;
}

}  // namespace

const std::vector<Target>& all_targets() {
  static const std::vector<Target> kTargets = {
      {.name = "transformers",
       .summary = "transformers with compressed-tensors 0.18 or later",
       .format = "compressed-tensors",
       .palette = {"2", "3", "4", "5", "6", "8", "16"},
       .also = {"fp8", "nvfp4", "mxfp4"},
       .holds_experts = false},
      {.name = "vllm",
       .summary = "vLLM 0.31 or later on NVIDIA GPUs",
       .format = "compressed-tensors",
       .palette = {"2", "3", "4", "5", "6", "8", "16"},
       .also = {"fp8", "nvfp4", "mxfp4"},
       .groups = kUsualGroups,
       .asymmetric = kAll},
      {.name = "vllm-0.25",
       .summary = "vLLM 0.25 to 0.30 on NVIDIA GPUs",
       .format = "compressed-tensors",
       .palette = {"2", "3", "4", "5", "6", "8", "16"},
       .groups = kUsualGroups,
       .asymmetric = {4, 8}},
      {.name = "vllm-cpu",
       .summary = "vLLM on CPUs: 4 bits and 16",
       .format = "compressed-tensors",
       .palette = {"4", "16"},
       .groups = kUsualGroups,
       .asymmetric = {4}},
      {.name = "sglang",
       .summary = "SGLang, and vLLM before 0.25: what Marlin runs",
       .format = "compressed-tensors",
       .palette = {"4", "8", "16"},
       .groups = kUsualGroups},
      {.name = "gguf",
       .summary = "llama.cpp, Ollama, LM Studio: one GGUF file",
       .format = "gguf",
       .palette = {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "q8_0", "16"},
       .also = {"q2_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "iq4_xs", "mxfp4"},
       .may_split = true},
      {.name = "mlx",
       .summary = "MLX on Apple silicon",
       .format = "mlx",
       .palette = {"2", "3", "4", "5", "6", "8", "16"},
       .may_split = true,
       .groups = {32, 64, 128},
       .asymmetric = {2, 3, 4, 5, 6, 8},
       .holds_experts = false},
      {.name = "gptq",
       .summary = "GPTQ checkpoints: GPTQModel, SGLang, older servers",
       .format = "gptq",
       .palette = {"2", "3", "4", "8", "16"},
       .groups = kUsualGroups},
      {.name = "auto-round",
       .summary = "transformers with auto-round",
       .format = "auto-round",
       .palette = {"2", "3", "4", "5", "6", "8", "16"},
       .groups = {32, 64, 128},
       .asymmetric = kAll},
      {.name = "mpq",
       .summary = "mpq itself",
       .format = "mpq",
       .palette = {"2", "3", "4", "5", "6", "7", "8", "16"},
       .also = every_name(),
       .may_split = true,
       .asymmetric = kAll,
       .holds_hybrids = true}};
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

ScoreOptions with_target(ScoreOptions options) {
  if (options.target.empty()) {
    const auto& all = all_targets();
    const std::string format = options.format.empty() ? "" : parse_spec(options.format).name;
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Target& target) { return target.format == format; });
    options.target = (found == all.end() ? all.front() : *found).name;
  }
  if (options.format.empty()) options.format = target_named(options.target).format;
  return options;
}

std::vector<std::string> target_faults(const Target& target, const Plan& plan, const Model& model) {
  std::vector<std::string> faults;
  std::map<std::string, Encoding> fused;  // by the linear that a runtime makes of several
  for (const auto& [unit, spec] : resolve_plan(plan, model)) {
    const Encoding encoding = make_method(spec).encoding;
    for (const auto& fault : encoding_faults(target, encoding))
      faults.push_back(unit.name + ": " + fault);
    if (unit.end != End::None) continue;
    const BlockConfig& block = model.config().block(unit.block);
    if (!target.holds_experts && !encoding.plain() &&
        block.linears[unit.linears.front()].reads >= 0)
      faults.push_back(fmt::format(
          "{}: {} reads no quantized experts as mpq writes them, one by one; see --target vllm",
          unit.name, target.name));
    if (target.may_split) continue;
    const std::string whole = fused_module(model.config(), unit.block, unit.linears.front());
    const auto [place, fresh] = fused.emplace(whole, encoding);
    if (!whole.empty() && !fresh && !(place->second == encoding))
      faults.push_back(
          fmt::format("{}: differs from the linears {} fuses it with", unit.name, target.name));
  }
  return faults;
}

}  // namespace mpq
