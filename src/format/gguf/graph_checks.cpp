// Comparisons of a model with what llama.cpp takes for granted.
#include "graph_checks.h"

#include <algorithm>
#include <cmath>

#include "mpq/core/error.h"

namespace mpq {

void check_window_pattern(const ModelConfig& model, int64_t every,
                          std::vector<std::string>& found) {
  for (int64_t layer = 0; layer < model.layers; ++layer) {
    if (((layer + 1) % every != 0) == (model.block(layer).attention.window > 0)) continue;
    found.push_back(
        fmt::format("each {}. layer sees all positions, the others have a sliding window", every));
    return;
  }
}

void check_attention_scale(const ModelConfig& model, int64_t scaled,
                           std::vector<std::string>& found) {
  const double scale = model.blocks.front().attention.scale;
  if (std::abs(scale * std::sqrt(static_cast<double>(scaled)) - 1) > 1e-6)
    found.push_back(fmt::format(
        "attention is scaled by 1 / sqrt({}), not as query_pre_attn_scalar says", scaled));
}

void check_router(const ModelConfig& model, bool renormalise, std::vector<std::string>& found) {
  const bool differs = std::any_of(
      model.blocks.begin(), model.blocks.end(),
      [&](const BlockConfig& block) { return block.router.renormalise != renormalise; });
  if (!differs) return;
  found.push_back(renormalise ? "the weights of the chosen experts sum to 1"
                              : "the weights of the chosen experts stay as they are");
}

}  // namespace mpq
