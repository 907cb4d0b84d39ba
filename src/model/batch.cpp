// Length-sorted packing of sequences.
#include "mpq/model/batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "mpq/core/error.h"

namespace mpq {
namespace {

at::Tensor to_tensor(const std::vector<int64_t>& values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

}  // namespace

BatchPlan::BatchPlan(const std::vector<TokenSequence>& sequences, int64_t batch_tokens)
    : first_rows_(sequences.size()), lengths_(sequences.size()) {
  std::vector<size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sequences[a].size() < sequences[b].size(); });
  for (const size_t index : order) {
    const auto& sequence = sequences[index];
    const auto length = static_cast<int64_t>(sequence.size());
    require(length > 0, ErrorCode::Internal, "batching: sequence {} has no tokens", index);
    if (batches_.empty() || batches_.back().rows + length > batch_tokens)
      batches_.push_back({{}, rows(), 0});
    Batch& batch = batches_.back();
    if (batch.runs.empty() || batch.runs.back().length != length) batch.runs.push_back({0, length});
    ++batch.runs.back().count;
    batch.rows += length;
    first_rows_[index] = rows();
    lengths_[index] = length;
    tokens_.insert(tokens_.end(), sequence.begin(), sequence.end());
    sequence_of_row_.insert(sequence_of_row_.end(), sequence.size(), static_cast<int64_t>(index));
  }
}

at::Tensor BatchPlan::ids() const {
  return to_tensor(std::vector<int64_t>(tokens_.begin(), tokens_.end()));
}

at::Tensor BatchPlan::sequence_of_row() const { return to_tensor(sequence_of_row_); }

at::Tensor BatchPlan::last_rows() const {
  std::vector<int64_t> rows(first_rows_.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = first_rows_[i] + lengths_[i] - 1;
  return to_tensor(rows);
}

}  // namespace mpq
