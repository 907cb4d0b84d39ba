// Plans the files of a checkpoint, named as Hugging Face names them.
#include "mpq/format/shards.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace mpq {
namespace {

/// An upper bound of what a tensor adds to a file: its data, and its entry in the header.
int64_t file_share(const TensorPlan& tensor) {
  const auto escaped_name = 6 * static_cast<int64_t>(tensor.name.size());
  return tensor_bytes(tensor) + escaped_name + 128 + 20 * static_cast<int64_t>(tensor.shape.size());
}

/// Length word, metadata and padding.
constexpr int64_t kFileOverhead = 64;

bool aligned(const std::vector<size_t>& order, const std::vector<TensorPlan>& tensors) {
  int64_t offset = 0;
  for (const size_t t : order) {
    if (offset % static_cast<int64_t>(c10::elementSize(tensors[t].dtype)) != 0) return false;
    offset += tensor_bytes(tensors[t]);
  }
  return true;
}

}  // namespace

int64_t tensor_bytes(const TensorPlan& tensor) {
  auto bytes = static_cast<int64_t>(c10::elementSize(tensor.dtype));
  for (const int64_t size : tensor.shape) bytes *= size;
  return bytes;
}

std::vector<Shard> plan_shards(const std::vector<TensorPlan>& tensors, int64_t shard_bytes) {
  std::vector<Shard> shards(1);
  int64_t filled = kFileOverhead;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const int64_t share = file_share(tensors[t]);
    if (!shards.back().tensors.empty() && filled + share > shard_bytes) {
      shards.emplace_back();
      filled = kFileOverhead;
    }
    shards.back().tensors.push_back(t);
    filled += share;
  }
  for (size_t s = 0; s < shards.size(); ++s) {
    auto& order = shards[s].tensors;
    if (!aligned(order, tensors)) {
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return c10::elementSize(tensors[a].dtype) > c10::elementSize(tensors[b].dtype);
      });
    }
    shards[s].file = shards.size() == 1
                         ? "model.safetensors"
                         : fmt::format("model-{:05}-of-{:05}.safetensors", s + 1, shards.size());
  }
  return shards;
}

std::vector<TensorPlan> shard_tensors(const Shard& shard, const std::vector<TensorPlan>& tensors) {
  std::vector<TensorPlan> result;
  for (const size_t t : shard.tensors) result.push_back(tensors[t]);
  return result;
}

const std::map<std::string, std::string>& checkpoint_metadata() {
  static const std::map<std::string, std::string> metadata = {{"format", "pt"}};
  return metadata;
}

Json shard_index(const std::vector<Shard>& shards, const std::vector<TensorPlan>& tensors) {
  int64_t total = 0;
  std::map<std::string, std::string> places;
  for (const auto& shard : shards) {
    for (const size_t t : shard.tensors) {
      total += tensor_bytes(tensors[t]);
      places[tensors[t].name] = shard.file;
    }
  }
  return {{"metadata", {{"total_size", total}}}, {"weight_map", places}};
}

}  // namespace mpq
