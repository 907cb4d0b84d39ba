#pragma once
// One pass over the weights that quantizes every candidate of every unit and shows what it does to
// its block.
#include <functional>
#include <map>

#include "mpq/quant/quantizer.h"
#include "mpq/score/scorer.h"

namespace mpq {

/// A candidate in place: the block with the unit's weights replaced, and the outputs of the probed
/// groups.
struct CandidateOutput {
  size_t unit = 0;
  size_t candidate = 0;
  const DecoderBlock* block = nullptr;
  GroupHidden hidden;  // by probed group, [rows, hidden]
};

struct WalkHooks {
  /// Before the candidates of a block: its full-precision weights.
  std::function<void(int64_t index, const DecoderBlock& block)> enter;
  /// For every candidate but "full": W_q - W, float32 [out, in] of the unit's stacked linears.
  std::function<void(size_t unit, size_t candidate, const at::Tensor& difference)> weights;
  /// For every candidate but "full", its block run to the end; not run when there is no such hook.
  std::function<void(CandidateOutput output)> candidate;
  /// After the candidates: the block's full-precision input and output of the probed groups.
  std::function<void(int64_t index, const GroupHidden& input, const GroupHidden& output)> leave;
};

/// The inputs are those of the full-precision prefix; candidates reuse the block's state up to
/// their own stage. Quantizers that need a Hessian get the stage's blended one, factored once for
/// all widths. `quantizer` replaces every candidate's quantizer by another one at the same width
/// and group when not empty ("rtn" in the paper's preset).
void walk_candidates(const ScoreContext& context, const std::string& quantizer,
                     const WalkHooks& hooks, const std::string& stage_title);

/// Indices of the probed groups in context.groups.
std::vector<size_t> probed_groups(const ScoreContext& context);
/// The candidate spec with another quantizer's name, keeping bits, group and sym.
std::string substitute_quantizer(const std::string& spec, const std::string& quantizer);
/// Candidates that are quantized: all but "full".
int64_t count_candidates(const ScoreContext& context);

}  // namespace mpq
