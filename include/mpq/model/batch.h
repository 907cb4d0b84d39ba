#pragma once
// Token sequences packed without padding: sorted by length, cut into batches, equal lengths side by
// side.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "mpq/core/tokens.h"

namespace mpq {

/// Rows that pass through a block at once: enough for the matrix products, few enough that the
/// activations in between stay small.
constexpr int64_t kBatchTokens = 1024;

/// `count` sequences of the same `length`, one after the other.
struct SequenceRun {
  int64_t count = 0;
  int64_t length = 0;
};

/// One batch: rows [first_row, first_row + rows) of every activation tensor of the set.
struct Batch {
  std::vector<SequenceRun> runs;
  int64_t first_row = 0;
  int64_t rows = 0;
};

/// How a set of sequences is laid out in rows. Activations of the set are tensors [rows, channels].
class BatchPlan {
 public:
  /// Batches hold at most `batch_tokens` rows, but never less than one sequence. Empty sequences
  /// are Error(Internal).
  BatchPlan(const std::vector<TokenSequence>& sequences, int64_t batch_tokens);

  const std::vector<Batch>& batches() const { return batches_; }
  int64_t rows() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t sequences() const { return static_cast<int64_t>(first_rows_.size()); }
  /// int64 ids [rows] in row order.
  at::Tensor ids() const;
  /// First row of a sequence, by its index in the original order, and its length.
  int64_t first_row(int64_t sequence) const { return first_rows_[static_cast<size_t>(sequence)]; }
  int64_t length(int64_t sequence) const { return lengths_[static_cast<size_t>(sequence)]; }
  /// int64 [rows]: original index of each row's sequence.
  at::Tensor sequence_of_row() const;
  /// int64 [sequences]: row of each sequence's last token, in original order.
  at::Tensor last_rows() const;

 private:
  std::vector<Batch> batches_;
  std::vector<int32_t> tokens_;
  std::vector<int64_t> first_rows_, lengths_, sequence_of_row_;
};

}  // namespace mpq
