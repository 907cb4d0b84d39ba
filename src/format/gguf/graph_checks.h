#pragma once
// Differences that several families' graphs are asked for; each adds a sentence to `found`.
#include <string>
#include <vector>

#include "mpq/model/config.h"

namespace mpq {

/// All layers but every `every`th have a window.
void check_window_pattern(const ModelConfig& model, int64_t every, std::vector<std::string>& found);
/// Attention is scaled by 1 / sqrt(scaled).
void check_attention_scale(const ModelConfig& model, int64_t scaled,
                           std::vector<std::string>& found);
/// The weights of the chosen experts are made to sum to 1, or stay as they are.
void check_router(const ModelConfig& model, bool renormalise, std::vector<std::string>& found);

}  // namespace mpq
