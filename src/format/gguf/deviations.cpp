// What the graphs of llama.cpp (src/models/*.cpp) take for granted, compared with the model.
#include <algorithm>
#include <cmath>

#include "hyperparameters.h"

namespace mpq {
namespace {

constexpr double kGemmaTheta = 10000;

bool has_window(const ModelConfig& model) {
  return std::any_of(model.blocks.begin(), model.blocks.end(), [&](const BlockConfig& block) {
    return block.attention.window > 0 && block.attention.window < model.max_positions;
  });
}

bool has_bias(const ModelConfig& model) {
  const auto& linears = model.blocks.front().linears;
  return std::any_of(linears.begin(), linears.end(),
                     [](const LinearInfo& linear) { return linear.bias; });
}

void check_gemma2(const ModelConfig& model, std::vector<std::string>& found) {
  const AttentionConfig& attention = model.blocks.front().attention;
  // The scale of the largest one is by hidden / heads, that of the others by head_dim.
  const auto scaled = static_cast<double>(
      model.layers == kLayersOfGemma27B ? model.hidden / attention.heads : attention.head_dim);
  if (std::abs(attention.scale * std::sqrt(scaled) - 1) > 1e-6)
    found.push_back(
        fmt::format("attention is scaled by 1 / sqrt({}), not as query_pre_attn_scalar "
                    "says",
                    scaled));
  if (attention.rope.theta != kGemmaTheta)
    found.push_back(fmt::format("the rope base is {}, not {}", kGemmaTheta, attention.rope.theta));
  if (attention.softcap == 0 || model.logits_softcap == 0)
    found.push_back("attention and logits are soft-capped always");
  for (size_t layer = 0; layer < model.blocks.size(); ++layer) {
    if ((layer % 2 == 0) == (model.blocks[layer].attention.window > 0)) continue;
    found.push_back("every other layer has a sliding window, beginning with the first");
    return;
  }
}

}  // namespace

std::vector<std::string> gguf_deviations(const ModelConfig& model) {
  std::vector<std::string> found;
  const std::string& type = model.model_type;
  const AttentionConfig& attention = model.blocks.front().attention;
  const bool is_gemma = type == "gemma2", is_phi = type == "phi3";
  if (is_gemma) check_gemma2(model, found);
  if (!is_gemma && !is_phi && has_window(model)) found.push_back("attention has no sliding window");
  if ((model.blocks.front().activation == Activation::GeluTanh) != is_gemma)
    found.push_back(is_gemma ? "the activation is gelu" : "the activation is silu");
  const RopeKind rope = attention.rope.kind;
  if (rope == RopeKind::Dynamic) found.push_back("rope is not scaled with the length");
  if (rope == RopeKind::Proportional) found.push_back("all angles turn");
  if (rope == RopeKind::LongRope && !is_phi) found.push_back("rope has no long and short factors");
  if (rope == RopeKind::Llama3 && type != "llama" && type != "mistral")
    found.push_back("rope has no scaling of Llama 3");
  if ((is_gemma || is_phi) && (rope == RopeKind::Linear || rope == RopeKind::Yarn))
    found.push_back("rope is not scaled");
  if (rope == RopeKind::Yarn && !attention.rope.truncate)
    found.push_back("the ramp of yarn begins and ends at whole channels");
  if (!is_phi && attention.rope.dim != attention.head_dim)
    found.push_back("all channels of a head are rotated");
  if ((is_gemma || is_phi || type == "qwen3") && has_bias(model))
    found.push_back("linears have no bias, and the file does not load");
  return found;
}

}  // namespace mpq
