#pragma once
// What a perturbation inside the model does to its output.
#include <utility>
#include <vector>

#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"

namespace mpq {

struct OutputProbeOptions {
  double text_weight = 0;   // of the general text's KL beside the task's
  bool last_token = false;  // measure each sequence's last token only
  double temperature = 1;   // of both softmaxes
};

/// Runs perturbed hidden states of the probed groups to the output and measures KL to the
/// full-precision model there. The perturbations of one block go through each later block together,
/// and are done before the next block's are made: memory does not grow with depth, and what is
/// measured of a block is final.
class OutputProbe {
 public:
  /// One pass over the model for its own output. The context must outlive the probe.
  OutputProbe(const ScoreContext& context, const OutputProbeOptions& options);
  /// What the way of one perturbed output of `block` takes; of -1: that first pass.
  static int64_t products(const ScoreContext& context, double text_weight, int64_t block);

  /// KL by probed group: float32 [measured rows], or [sequences] for last tokens; undefined where
  /// the group has no weight.
  using GroupKl = std::vector<at::Tensor>;
  /// Of each perturbed output of `block`, [probed groups][rows, hidden], in their order. The states
  /// are used up.
  /// Where a head is given, the perturbed output goes through that one instead of the model's.
  std::vector<GroupKl> divergences(int64_t block, std::vector<Streams> perturbed,
                                   const at::Tensor& head = {}) const;
  /// The model's own outputs of the last block, by probed group; undefined where it has no weight.
  Streams outputs() const;
  /// Sum over groups of weight * mean KL; the standard error is over sequences.
  MeanWithError loss(const GroupKl& kl) const;
  /// Both in one go.
  std::vector<MeanWithError> losses(int64_t block, std::vector<Streams> perturbed) const;

 private:
  struct ProbedGroup {
    const SequenceGroup* group;
    double weight;
    at::Tensor output;  // of the last block at full precision, [rows, hidden]
  };
  at::Tensor measured(const ProbedGroup& probed, const at::Tensor& hidden) const;
  /// `states`: the probed groups of each perturbed output, one after the other.
  void advance(const DecoderBlock& block, Streams& states) const;
  std::vector<at::Tensor> output_kl(const ProbedGroup& probed,
                                    const std::vector<at::Tensor>& hidden,
                                    const at::Tensor& head) const;

  const ScoreContext& context_;
  OutputProbeOptions options_;
  std::vector<ProbedGroup> probed_;
};

/// Candidates of one block on their way to the output.
class ProbedCandidates {
 public:
  void add(CandidateOutput output);
  /// Enters their losses in the table, and forgets them.
  void measure(const OutputProbe& probe, int64_t block, ScoreTable& table);

 private:
  std::vector<std::pair<size_t, size_t>> places_;  // unit, candidate
  std::vector<Streams> hidden_;
};

}  // namespace mpq
