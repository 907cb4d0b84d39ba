// One safetensors file a block.
#include "mpq/calib/kept_gradients.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/block_loop.h"

namespace mpq {
namespace {

std::string tensor_name(size_t draw) { return fmt::format("draw.{}", draw); }

}  // namespace

KeptGradients::KeptGradients(const ModelConfig& config, int64_t rows, int draws, std::string prefix,
                             MemoryBudget& memory)
    : config_(&config),
      rows_(rows),
      draws_(static_cast<size_t>(draws)),
      prefix_(std::move(prefix)),
      memory_(&memory),
      kept_(static_cast<size_t>(config.layers)) {}

std::string KeptGradients::file(int64_t block) const {
  return fmt::format("{}-{:05}.safetensors", prefix_, block);
}

std::string KeptGradients::state_file() const {
  return prefix_.empty() ? "" : prefix_ + ".safetensors";
}

bool KeptGradients::complete() const {
  return blocks_done(*config_, state_file()) == config_->layers;
}

void KeptGradients::keep(int64_t block, const Streams& gradients) {
  if (prefix_.empty()) {
    for (const auto& gradient : gradients) {
      at::Tensor copy =
          memory_->allocate(gradient.size(0), gradient.size(1), gradient.scalar_type());
      kept_[static_cast<size_t>(block)].push_back(copy.copy_(gradient));
    }
    return;
  }
  std::map<std::string, at::Tensor> tensors;
  for (size_t draw = 0; draw < gradients.size(); ++draw)
    tensors[tensor_name(draw)] = gradients[draw];
  std::filesystem::create_directories(std::filesystem::path(prefix_).parent_path());
  save_tensors(file(block), tensors, {}, Sync::No);
}

Streams KeptGradients::take(int64_t block) {
  if (prefix_.empty()) return std::exchange(kept_[static_cast<size_t>(block)], {});
  const SafetensorsFile kept(file(block));
  bool fits = kept.tensors().size() == draws_;
  Streams gradients;
  for (size_t draw = 0; fits && draw < draws_; ++draw) {
    gradients.push_back(kept.tensor(tensor_name(draw)));
    fits = gradients.back().sizes() == at::IntArrayRef({rows_, config_->hidden}) &&
           at::isFloatingType(gradients.back().scalar_type());
  }
  require(fits, ErrorCode::Format, "{}: does not fit these prompts; delete the file", file(block));
  return gradients;
}

}  // namespace mpq
