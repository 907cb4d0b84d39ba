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
  GroupHidden hidden;  // by probed group, [rows, hidden]
};

struct WalkHooks {
  /// Before the candidates of a block: its full-precision weights, and its input of the probed
  /// groups.
  std::function<void(const DecoderBlock& block, const GroupHidden& input)> enter;
  /// For every candidate but "full": W_q - W, float32 [out, in] of the unit's stacked linears.
  std::function<void(size_t unit, size_t candidate, const at::Tensor& difference)> weights;
  /// For every candidate but "full", its block run to the end; not run when there is no such hook.
  std::function<void(CandidateOutput output)> candidate;
  /// After the candidates: the block's full-precision input and output of the probed groups.
  std::function<void(int64_t index, const GroupHidden& input, const GroupHidden& output)> leave;
};

/// Quantizes the candidates of one block after the other. Candidates reuse the block's state up to
/// their own stage; quantizers that need a Hessian get the stage's blended one, factored once for
/// all widths.
class CandidateTrials {
 public:
  /// `quantizer` replaces every candidate's quantizer by another one at the same width and group
  /// when not empty ("rtn" in the paper's preset). Context and hooks must outlive the trials.
  CandidateTrials(const ScoreContext& context, const std::string& quantizer,
                  const WalkHooks& hooks);
  /// Shows the hooks a block; `input` is of all groups, as is the output that it returns.
  GroupHidden run_block(const DecoderBlock& block, const GroupHidden& input);

 private:
  void try_stage(const DecoderBlock& block, Stage stage, const GroupHidden& input,
                 const GroupStates& states);
  QuantizedLinear learn(const Quantizer& quantizer, const DecoderBlock& block, const Unit& unit,
                        const QuantProblem& problem, const at::Tensor& scale,
                        const GroupHidden& input) const;
  void show_output(size_t unit, size_t candidate, const DecoderBlock& block, Stage first,
                   const GroupStates& states);

  const ScoreContext& context_;
  const WalkHooks& hooks_;
  std::vector<size_t> probed_;
  std::vector<SequenceGroup> probed_groups_;
  std::vector<std::vector<std::shared_ptr<const Quantizer>>> quantizers_;  // null: "full"
  bool needs_target_ = false;
  GroupHidden target_;  // the block's full-precision output, for quantizers that train on it
};

/// All blocks, each from the full-precision prefix. `table` is what the hooks fill: a block's rows
/// are kept when it is done, and a block that is done already is not shown again.
void walk_candidates(const ScoreContext& context, const std::string& quantizer,
                     const WalkHooks& hooks, const std::string& title, ScoreTable& table);

/// The entries at `indices`, as probed_groups() gives them.
template <class T>
std::vector<T> pick(const std::vector<T>& all, const std::vector<size_t>& indices) {
  std::vector<T> picked;
  for (const size_t index : indices) picked.push_back(all[index]);
  return picked;
}
/// `block` with a unit's weight moved by the difference that WalkHooks::weights shows.
DecoderBlock with_difference(const ScoreContext& context, const DecoderBlock& block, size_t unit,
                             const at::Tensor& difference);
/// Indices of the probed groups in context.groups.
std::vector<size_t> probed_groups(const ScoreContext& context);
/// The candidate spec with another quantizer's name, keeping bits, group and sym.
std::string substitute_quantizer(const std::string& spec, const std::string& quantizer);
/// Adds to context.spent.
void count_forwards(const ScoreContext& context, int64_t block_forwards);
/// Candidates that are quantized: all but "full".
int64_t count_candidates(const ScoreContext& context);

}  // namespace mpq
