// Names and counts that follow from a model's configuration.
#include "mpq/model/config.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "mpq/core/error.h"

namespace mpq {

const char* stage_name(Stage stage) {
  constexpr std::array<const char*, kStages> kNames = {"qkv", "o", "gate_up", "down"};
  return kNames.at(static_cast<size_t>(stage));
}

std::vector<LinearInfo> linears_of(const BlockConfig& config, Stage stage) {
  std::vector<LinearInfo> result;
  std::copy_if(config.linears.begin(), config.linears.end(), std::back_inserter(result),
               [&](const LinearInfo& linear) { return linear.stage == stage; });
  return result;
}

std::string ModelConfig::block_prefix(int64_t block) const {
  return fmt::format("{}layers.{}.", layout().prefix, block);
}

std::string ModelConfig::module_name(int64_t block, const LinearInfo& linear) const {
  return block_prefix(block) + linear.module;
}

std::string ModelConfig::weight_name(int64_t block, const LinearInfo& linear) const {
  return module_name(block, linear) + ".weight";
}

int64_t ModelConfig::quantizable_weights() const {
  int64_t count = 0;
  for (const auto& block : blocks) {
    for (const auto& linear : block.linears) count += linear.out * linear.in;
  }
  return count;
}

int64_t ModelConfig::widest() const {
  int64_t widest = 0;
  for (const auto& block : blocks) widest = std::max(widest, block.intermediate);
  return widest;
}

}  // namespace mpq
