#pragma once
// How the tensors of a checkpoint are spread over files.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"

namespace mpq {

/// One file; indices into the list of tensors it was planned from, in file order.
struct Shard {
  std::string file;
  std::vector<size_t> tensors;
};

/// Fills file after file in the given order, each to at most `shard_bytes` (a tensor that is larger
/// gets a file of its own). Within a file the order is kept when it leaves every tensor at a
/// multiple of its element size, else wide elements come first.
std::vector<Shard> plan_shards(const std::vector<TensorPlan>& tensors, int64_t shard_bytes);
std::vector<TensorPlan> shard_tensors(const Shard& shard, const std::vector<TensorPlan>& tensors);
/// What transformers asks of every file.
const std::map<std::string, std::string>& checkpoint_metadata();
/// model.safetensors.index.json.
Json shard_index(const std::vector<Shard>& shards, const std::vector<TensorPlan>& tensors);

/// Bytes of one tensor's data.
int64_t tensor_bytes(const TensorPlan& tensor);

}  // namespace mpq
