#pragma once
// Units: what shares one quantization choice, the linears of a block that read one input, or the
// embedding or the head.
#include <string>
#include <vector>

#include "mpq/model/config.h"
#include "mpq/model/decoder_block.h"

namespace mpq {

/// What stands before and behind the blocks; a tied matrix is both.
enum class End { None, Embedding, Head, Both };

struct Unit {
  std::string name;   // "model.layers.0.qkv"
  int64_t block = 0;  // of an end: the number of blocks
  Stage stage = Stage::AttentionIn;
  std::vector<size_t> linears;  // indices into BlockConfig::linears, all of `stage`
  int64_t out = 0;              // rows of the linears stacked
  int64_t in = 0;
  End end = End::None;
  std::string module{};  // of an end, which has no linears
  int64_t weights() const { return out * in; }
};

/// All units in order of execution. `fuse`: one unit a stage (what fused kernels need), else one a
/// linear. The experts of a mixture are one unit a stage, or one a kind of matrix, as every runtime
/// wants them; the shared expert is apart.
std::vector<Unit> make_units(const ModelConfig& config, bool fuse);
/// The linear that runtimes make of this one and the others of its stage, as
/// "model.layers.0.self_attn.qkv_proj"; empty where it stands alone.
std::string fused_module(const ModelConfig& config, int64_t block, size_t linear);
/// Full module names of a unit's linears, in order.
std::vector<std::string> unit_modules(const ModelConfig& config, const Unit& unit);
/// Rows of the matrices that a checkpoint stores the unit in, in the order of unit_modules().
std::vector<int64_t> unit_rows(const ModelConfig& config, const Unit& unit);
/// The unit's weights stacked along their outputs, float32 [out, in].
at::Tensor stacked_weight(const DecoderBlock& block, const Unit& unit);
/// A block with the unit's weights replaced by the rows of `stacked` (cast to the block's dtype).
DecoderBlock with_unit_weight(const DecoderBlock& block, const Unit& unit,
                              const at::Tensor& stacked);
/// The parts of a unit that read the same rows: itself, or each expert's linears, in their order.
std::vector<Unit> parts_by_input(const BlockConfig& config, const Unit& unit);

}  // namespace mpq
