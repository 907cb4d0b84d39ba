// A model compared with what llama.cpp's graph of its family computes (family.h).
#include <algorithm>

#include "hyperparameters.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr const char* kDoesNotLoad = "and the file does not load";

bool has_window(const ModelConfig& model) {
  return std::any_of(model.blocks.begin(), model.blocks.end(), [&](const BlockConfig& block) {
    return block.attention.window > 0 && block.attention.window < model.max_positions;
  });
}

/// Of another linear than those of queries, keys and values.
bool has_more_biases(const ModelConfig& model) {
  const auto& linears = model.blocks.front().linears;
  return std::any_of(linears.begin(), linears.end(), [](const LinearInfo& linear) {
    return linear.bias && linear.stage != Stage::AttentionIn;
  });
}

void check_rope(const GgufGraph& graph, const AttentionConfig& attention,
                std::vector<std::string>& found) {
  const RopeKind rope = attention.rope.kind;
  if (rope == RopeKind::Dynamic) found.push_back("rope is not scaled with the length");
  if (rope == RopeKind::Proportional) found.push_back("all angles turn");
  if (rope == RopeKind::LongRope && !graph.long_factors)
    found.push_back("rope has no long and short factors");
  if (rope == RopeKind::Llama3 && !graph.llama3_factors)
    found.push_back("rope has no scaling of Llama 3");
  if ((rope == RopeKind::Linear || rope == RopeKind::Yarn) && !graph.scales_rope)
    found.push_back("rope is not scaled");
  if (rope == RopeKind::Yarn && !attention.rope.truncate)
    found.push_back("the ramp of yarn begins and ends at whole channels");
  if (!graph.rotates_part && attention.rope.dim != attention.head_dim)
    found.push_back("all channels of a head are rotated");
}

/// Tensors that the graph does not have.
void check_tensors(const GgufGraph& graph, const ModelConfig& model,
                   std::vector<std::string>& found) {
  const AttentionConfig& attention = model.blocks.front().attention;
  if (!graph.all_biases && has_more_biases(model))
    found.push_back(fmt::format("linears but those of q, k and v have no bias, {}", kDoesNotLoad));
  if (graph.square_heads && attention.heads * attention.head_dim != model.hidden)
    found.push_back(fmt::format("the heads together have the stream's {} channels, {}",
                                model.hidden, kDoesNotLoad));
  if (graph.output == GgufGraph::Output::Own && model.tied_embeddings)
    found.push_back(fmt::format("the head is not the embedding, {}", kDoesNotLoad));
  if (graph.output == GgufGraph::Output::Embedding && !model.tied_embeddings)
    found.push_back("the head is the embedding");
}

}  // namespace

std::vector<std::string> gguf_deviations(const GgufFamily& family, const ModelConfig& model) {
  std::vector<std::string> found;
  const GgufGraph& graph = family.graph;
  if (graph.check != nullptr) graph.check(model, found);
  if (!graph.windows && has_window(model)) found.push_back("attention has no sliding window");
  if ((model.blocks.front().activation == Activation::GeluTanh) != graph.gelu)
    found.push_back(graph.gelu ? "the activation is gelu" : "the activation is silu");
  for (const BlockConfig& block : model.blocks) {
    if (block.attention.window > 0 && family.rope_of_windows) continue;
    check_rope(graph, block.attention, found);
    break;
  }
  check_tensors(graph, model, found);
  return found;
}

}  // namespace mpq
