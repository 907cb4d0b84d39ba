#pragma once
// A model with all blocks resident that advances a batch of sequences by their next positions.
#include <vector>

#include "mpq/model/model.h"

namespace mpq {

class CachedDecoder {
 public:
  /// `blocks`: all of the model's, or perturbed ones in their place.
  CachedDecoder(const Model& model, std::vector<DecoderBlock> blocks);

  /// Bytes that one position of one sequence takes in the caches.
  int64_t bytes_per_position() const;
  /// Empty caches for `count` sequences of at most `capacity` positions.
  void start(int64_t count, int64_t capacity);
  /// Appends int64 `ids` [count, length]; returns the most likely successor of each sequence's last
  /// token, int64 [count] in host memory. Ties go to the lower id.
  at::Tensor advance(const at::Tensor& ids);
  /// Drops all sequences but these, int64 [kept], in this order.
  void keep(const at::Tensor& sequences);

 private:
  at::Tensor advance_slice(int64_t first, const at::Tensor& ids);

  const Model& model_;
  std::vector<DecoderBlock> blocks_;
  std::vector<KvCache> caches_;  // by block
};

}  // namespace mpq
