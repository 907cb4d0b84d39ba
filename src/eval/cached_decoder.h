#pragma once
// A model that advances a batch of sequences by their next positions.
#include <functional>
#include <vector>

#include "mpq/model/model.h"

namespace mpq {

using LoadBlock = std::function<DecoderBlock(int64_t index)>;

class CachedDecoder {
 public:
  /// `load`: a block of the model's, or a perturbed one in its place.
  CachedDecoder(const Model& model, LoadBlock load) : model_(model), load_(std::move(load)) {}

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
  at::Tensor successors(const at::Tensor& last) const;

  const Model& model_;
  LoadBlock load_;
  std::vector<KvCache> caches_;  // by block
};

}  // namespace mpq
