#pragma once
// Dividing a stage's inputs by factors, at no cost: they go into what produces the inputs.
#include <optional>
#include <string>

#include "mpq/model/decoder_block.h"

namespace mpq {

/// What produces a stage's inputs, channel by channel.
struct InputProducer {
  Side side = Side::AttentionNorm;  // of a norm
  std::string norm;       // tensor within the block that is divided; empty: a linear's rows are
  bool plus_one = false;  // the norm multiplies by 1 + weight
  size_t linear = 0;      // index into ModelConfig::linears
  int64_t first_row = 0;  // of the rows that produce the channels
};

/// None where the inputs cannot be divided: the output projection under grouped-query attention,
/// where one value channel feeds several inputs; a norm that a router or a second half reads too.
std::optional<InputProducer> input_producer(const BlockConfig& config, Stage stage);

/// The factors nearest to `wanted` [in] that fold exactly: a norm's weight divided by them is
/// representable in `stored`, a linear's rows are divided by powers of two. Undefined where nothing
/// can be folded, or `wanted` is.
at::Tensor foldable_scale(const DecoderBlock& block, Stage stage, at::ScalarType stored,
                          const at::Tensor& wanted);
/// A norm's weight divided by factors, float32.
at::Tensor fold_norm(const at::Tensor& weight, const at::Tensor& scale, bool plus_one);

}  // namespace mpq
