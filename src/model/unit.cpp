// Groups a block's linears into units and swaps their weights.
#include "mpq/model/unit.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace mpq {

std::vector<Unit> make_units(const ModelConfig& config, bool fuse) {
  std::vector<Unit> units;
  for (int64_t block = 0; block < config.layers; ++block) {
    for (size_t i = 0; i < config.linears.size(); ++i) {
      const auto& linear = config.linears[i];
      const bool joins = fuse && i > 0 && config.linears[i - 1].stage == linear.stage;
      if (!joins) {
        const std::string name = fuse ? stage_name(linear.stage) : linear.module;
        units.push_back({config.block_prefix(block) + name, block, linear.stage, {}, 0, linear.in});
      }
      units.back().linears.push_back(i);
      units.back().out += linear.out;
    }
  }
  return units;
}

std::string fused_module(const ModelConfig& config, int64_t block, size_t linear) {
  const LinearInfo& own = config.linears[linear];
  const auto shared =
      std::count_if(config.linears.begin(), config.linears.end(),
                    [&](const LinearInfo& other) { return other.stage == own.stage; });
  if (shared < 2) return "";
  const std::string parent = own.module.substr(0, own.module.rfind('.') + 1);
  return config.block_prefix(block) + parent +
         (own.stage == Stage::AttentionIn ? "qkv_proj" : "gate_up_proj");
}

std::vector<std::string> unit_modules(const ModelConfig& config, const Unit& unit) {
  if (unit.end != End::None) return {unit.module};
  std::vector<std::string> modules;
  for (const size_t index : unit.linears)
    modules.push_back(config.block_prefix(unit.block) + config.linears[index].module);
  return modules;
}

std::vector<int64_t> unit_rows(const ModelConfig& config, const Unit& unit) {
  if (unit.end != End::None) return {unit.out};
  std::vector<int64_t> rows;
  for (const size_t index : unit.linears) rows.push_back(config.linears[index].out);
  return rows;
}

at::Tensor stacked_weight(const DecoderBlock& block, const Unit& unit) {
  std::vector<at::Tensor> rows;
  for (const size_t index : unit.linears) rows.push_back(block.weights[index].to(at::kFloat));
  return rows.size() == 1 ? rows.front() : at::cat(rows, 0);
}

DecoderBlock with_unit_weight(const DecoderBlock& block, const ModelConfig& config,
                              const Unit& unit, const at::Tensor& stacked) {
  DecoderBlock result = block;
  int64_t row = 0;
  for (const size_t index : unit.linears) {
    const int64_t out = config.linears[index].out;
    result.weights[index] =
        stacked.narrow(0, row, out)
            .to(block.weights[index].device(), block.weights[index].scalar_type());
    row += out;
  }
  return result;
}

}  // namespace mpq
