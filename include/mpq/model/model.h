#pragma once
// A language model read block by block from a WeightSource.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "mpq/io/weight_source.h"
#include "mpq/model/compute_options.h"
#include "mpq/model/decoder_block.h"
#include "mpq/model/unit.h"

namespace mpq {

/// Embedding, final norm and head are resident; blocks are loaded one at a time.
class Model {
 public:
  /// Checks that exactly the tensors of the architecture are there, in their shapes. Throws
  /// Error(Format) naming every missing, unexpected or mis-shaped one (up to five of each).
  Model(const std::string& folder, std::unique_ptr<WeightSource> weights,
        const ComputeOptions& options);

  const ModelConfig& config() const { return config_; }
  const std::string& folder() const { return folder_; }
  const WeightSource& weights() const { return *weights_; }
  at::ScalarType dtype() const { return dtype_; }
  /// Dtype of the checkpoint's linears: that of scales written beside them.
  at::ScalarType stored_dtype() const { return stored_dtype_; }
  at::Device device() const { return device_; }

  /// The embedding and the head as units, or the one matrix that is both.
  std::vector<Unit> end_units() const;
  DecoderBlock load_block(int64_t index) const;
  /// A hint that load_block() of this index comes next.
  void read_ahead(int64_t index) const;
  /// int64 ids [rows] to [rows, hidden], in wide_dtype(). Throws Error(Usage) on an id outside the
  /// vocabulary.
  at::Tensor embed(const at::Tensor& ids) const;
  /// The same from another table [vocab, hidden].
  at::Tensor embed(const at::Tensor& ids, const at::Tensor& table) const;
  /// The last block's output [rows, hidden] as the head reads it, through the final norm.
  at::Tensor normalised(const at::Tensor& hidden) const;
  /// The last block's output [rows, hidden] to logits [rows, vocab], in wide_dtype().
  at::Tensor logits(const at::Tensor& hidden) const;
  /// The same by another head [vocab, hidden].
  at::Tensor logits(const at::Tensor& hidden, const at::Tensor& head) const;
  /// float32 [vocab, hidden], of the embedding or the head.
  at::Tensor end_weight(const Unit& unit) const;

 private:
  at::Tensor load(const std::string& name) const;
  at::Tensor load_wide(const std::string& name) const;
  at::Tensor load(const std::string& name, at::ScalarType dtype) const;
  void check_tensors() const;

  std::string folder_;
  ModelConfig config_;
  std::unique_ptr<WeightSource> weights_;
  at::Device device_;
  at::ScalarType dtype_, stored_dtype_;
  at::Tensor embedding_, final_norm_, head_;
};

}  // namespace mpq
