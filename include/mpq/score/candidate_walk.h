#pragma once
// One pass over the weights that quantizes every candidate of every unit and shows what it does to
// its block.
#include <functional>
#include <memory>

#include "mpq/quant/quantizer.h"
#include "mpq/score/scorer.h"

namespace mpq {

/// What its block puts out with a candidate in place.
struct CandidateOutput {
  size_t unit = 0;
  size_t candidate = 0;
  Streams hidden;  // by probed group, [rows, hidden]
};

/// What a scorer wants of the candidates' pass.
struct CandidateWalk {
  std::string title;        // of its progress
  std::string quantizer{};  // instead of the candidates' own ("rtn" in the paper); empty: none
  int64_t products = 0;     // that the pass is expected to take; 0: not known
  /// Before the candidates of a block: its full-precision weights, and its input of the probed
  /// groups.
  std::function<void(const DecoderBlock& block, const Streams& input)> enter{};
  /// For every candidate but "full": W_q - W, float32 [out, in] of the unit's stacked linears.
  std::function<void(size_t unit, size_t candidate, const at::Tensor& difference)> weights{};
  /// For every candidate but "full", its block run to the end; not run when nobody asks.
  std::function<void(CandidateOutput output)> candidate{};
  /// After the candidates: the block's full-precision input and output of the probed groups.
  std::function<void(int64_t index, const Streams& input, const Streams& output)> leave{};
};

/// All blocks, each from the full-precision prefix. Candidates reuse the block's state up to their
/// own stage; quantizers that need a Hessian get the stage's blended one, factored once for all
/// widths. `table` is what the walk's functions fill: a block's rows are kept when it is done, and
/// a block that is done already is not shown again.
void walk_candidates(const ScoreContext& context, const CandidateWalk& walk, ScoreTable& table);
/// What the pass itself takes; `outputs`: whether it runs the candidates' blocks to their end.
int64_t walk_products(const ScoreContext& context, const std::string& quantizer, bool outputs);

/// The entries at `indices`, as probed_groups() gives them.
template <class T>
std::vector<T> pick(const std::vector<T>& all, const std::vector<size_t>& indices) {
  std::vector<T> picked;
  for (const size_t index : indices) picked.push_back(all[index]);
  return picked;
}
/// `block` with a unit's weight moved by the difference that CandidateWalk::weights shows.
DecoderBlock with_difference(const ScoreContext& context, const DecoderBlock& block, size_t unit,
                             const at::Tensor& difference);
/// Indices of the probed groups in context.groups.
std::vector<size_t> probed_groups(const ScoreContext& context);
/// Tokens of the probed groups; those of general text only where they have a weight.
int64_t probed_rows(const ScoreContext& context, double text_weight = 1);
/// The candidate spec with another quantizer's name, keeping bits, group and sym.
std::string substitute_quantizer(const std::string& spec, const std::string& quantizer);
/// Candidates that are quantized: all but "full".
int64_t count_candidates(const ScoreContext& context);
int64_t count_candidates(const ScoredUnit& unit);

}  // namespace mpq
