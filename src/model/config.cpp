// Names and counts that follow from a model's configuration.
#include "mpq/model/config.h"

#include <array>

#include "mpq/core/error.h"

namespace mpq {

const char* stage_name(Stage stage) {
  constexpr std::array<const char*, kStages> kNames = {"qkv", "o", "gate_up", "down"};
  return kNames.at(static_cast<size_t>(stage));
}

std::string ModelConfig::block_prefix(int64_t block) const {
  return fmt::format("model.layers.{}.", block);
}

std::string ModelConfig::weight_name(int64_t block, const LinearInfo& linear) const {
  return block_prefix(block) + linear.module + ".weight";
}

int64_t ModelConfig::quantizable_weights() const {
  int64_t count = 0;
  for (const auto& linear : linears) count += linear.out * linear.in;
  return count * layers;
}

}  // namespace mpq
