// Groups a block's linears into units and swaps their weights.
#include "mpq/model/unit.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "mpq/core/error.h"

namespace mpq {

namespace {

std::string parent_of(const std::string& module) { return module.substr(0, module.rfind('.')); }

/// What shares a choice within a block: "qkv", "mlp.experts.gate_up", or one linear's module.
std::string unit_key(const LinearInfo& linear, bool fuse) {
  const std::string own = linear.module.substr(linear.module.rfind('.') + 1);
  if (linear.reads == kDense) return fuse ? stage_name(linear.stage) : linear.module;
  if (linear.reads == kQueryLatent || linear.reads == kKeyLatent) return linear.module;
  const std::string parent = parent_of(linear.module);
  const std::string place = linear.reads == kSharedExpert ? parent : parent_of(parent);
  return place + "." + (fuse ? stage_name(linear.stage) : own);
}

}  // namespace

std::vector<Unit> make_units(const ModelConfig& config, bool fuse) {
  std::vector<Unit> units;
  for (int64_t block = 0; block < config.layers; ++block) {
    std::map<std::string, size_t> places;
    const auto& linears = config.block(block).linears;
    for (size_t i = 0; i < linears.size(); ++i) {
      const auto [place, added] = places.emplace(unit_key(linears[i], fuse), units.size());
      if (added)
        units.push_back({config.block_prefix(block) + place->first,
                         block,
                         linears[i].stage,
                         {},
                         0,
                         linears[i].in});
      units[place->second].linears.push_back(i);
      units[place->second].out += linears[i].out;
    }
  }
  return units;
}

std::string fused_module(const ModelConfig& config, int64_t block, size_t linear) {
  const auto& linears = config.block(block).linears;
  const LinearInfo& own = linears[linear];
  const bool first = own.stage == Stage::AttentionIn;
  const std::string parent = parent_of(own.module);
  if (own.reads >= 0) return config.block_prefix(block) + parent_of(parent);
  const auto shared = std::count_if(linears.begin(), linears.end(), [&](const LinearInfo& other) {
    return other.stage == own.stage && other.reads == own.reads;
  });
  if (shared < 2) return "";
  return config.block_prefix(block) + parent + (first ? ".qkv_proj" : ".gate_up_proj");
}

std::vector<std::string> unit_modules(const ModelConfig& config, const Unit& unit) {
  if (unit.end != End::None) return {unit.module};
  std::vector<std::string> modules;
  for (const size_t index : unit.linears)
    modules.push_back(config.module_name(unit.block, config.block(unit.block).linears[index]));
  return modules;
}

std::vector<int64_t> unit_rows(const ModelConfig& config, const Unit& unit) {
  if (unit.end != End::None) return {unit.out};
  std::vector<int64_t> rows;
  for (const size_t index : unit.linears)
    rows.push_back(config.block(unit.block).linears[index].out);
  return rows;
}

at::Tensor stacked_weight(const DecoderBlock& block, const Unit& unit) {
  std::vector<at::Tensor> rows;
  for (const size_t index : unit.linears) rows.push_back(block.weights[index].to(at::kFloat));
  return rows.size() == 1 ? rows.front() : at::cat(rows, 0);
}

DecoderBlock with_unit_weight(const DecoderBlock& block, const Unit& unit,
                              const at::Tensor& stacked) {
  DecoderBlock result = block;
  int64_t row = 0;
  for (const size_t index : unit.linears) {
    const auto& weight = block.weights[index];
    const int64_t out = weight.size(0);
    result.weights[index] = stacked.narrow(0, row, out).to(weight.device(), weight.scalar_type());
    row += out;
  }
  return result;
}

std::vector<Unit> parts_by_input(const BlockConfig& config, const Unit& unit) {
  std::vector<Unit> parts;
  for (const size_t index : unit.linears) {
    const auto& linear = config.linears[index];
    const auto& before = parts.empty() ? linear : config.linears[parts.back().linears.back()];
    if (parts.empty() || before.reads != linear.reads) {
      parts.push_back(unit);
      parts.back().linears.clear();
      parts.back().out = 0;
      if (linear.reads >= 0) parts.back().name += fmt::format(" of expert {}", linear.reads);
    }
    parts.back().linears.push_back(index);
    parts.back().out += linear.out;
  }
  return parts;
}

}  // namespace mpq
