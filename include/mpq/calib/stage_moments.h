#pragma once
// What quantizers must know of a stage's inputs, gathered batch by batch.
#include <functional>
#include <map>
#include <memory>

#include "mpq/calib/fisher.h"
#include "mpq/model/unit.h"
#include "mpq/quant/quantizer.h"

namespace mpq {

/// Expectations over the calibration tokens, of task and of general text blended by share.
struct StageMoments {
  double rows = 0;                         // of the inputs, before what experts borrow
  std::shared_ptr<const Hessian> hessian;  // H = 2 E[x x^T]
  at::Tensor mean_abs, max_abs;            // float32 [in]: of the inputs' magnitudes
  /// Against the full-precision model's inputs f and residuals r_f: D = 2 E[(f - x) x^T], float32
  /// [in, in], and R = 2 E[(r_f - r) x^T], float32 [hidden, in], where the stage's output is added
  /// to the residual as it is.
  at::Tensor input_lack, residual_lack;
};

/// By LinearInfo::reads of the linears that read them.
using InputMoments = std::map<int64_t, StageMoments>;

/// The residual and the inputs of a stage's linears, of one batch of a group.
using StageRows = std::function<StageState(size_t group, const Batch& batch)>;

/// How many rows of the experts' mean an expert's own are joined with, by channel of its input: a
/// Hessian of fewer rows than channels is none.
constexpr double kBorrowedRows = 0.25;

/// Where a stage's moments come from.
struct StageSource {
  const std::vector<SequenceGroup>& groups;
  double text_share = 0.2;
  StageRows rows;                                 // of the model that is quantized
  StageRows full{};                               // of the full-precision one, where needs.aim
  bool residual = true;                           // whether residual_lack is wanted too
  std::vector<LinearInfo> readers{LinearInfo{}};  // the stage's linears
};

/// Fills what `needs` asks for. Task and text are normalised to the same mean square before they
/// are blended (methods.md, 6), so that neither drowns the other; a share of 0 or 1 leaves the
/// other out. An expert's moments are of the rows that it is sent, shrunk towards the experts' mean
/// by their number. Throws Error(Numeric) naming the unit when the inputs are not finite.
InputMoments gather_moments(const StageSource& source, const InputNeeds& needs,
                            const std::string& unit);
/// How many rows gather_moments() reads of the model that is quantized and of the full-precision
/// one, but for groups that keep their inputs.
struct MomentRows {
  int64_t own = 0, full = 0;
};
MomentRows moment_rows(const std::vector<SequenceGroup>& groups, double text_share,
                       const InputNeeds& needs, const std::vector<bool>& kept);

/// Of the input of a unit's linears, which read the same rows.
const StageMoments& moments_of(const InputMoments& inputs, const BlockConfig& config,
                               const Unit& unit);

/// Tells a problem what a unit's quantizer asks for. `fisher` may be null where none needs it.
void describe_inputs(const StageMoments& moments, const Unit& unit, const InputNeeds& needs,
                     const ChannelFisher* fisher, QuantProblem& problem);

/// Whether a stage's output is added to the residual as it is, without a norm in between.
bool adds_to_residual(const BlockConfig& config, Stage stage);

/// The weight [out, in] whose output for x is nearest, in damped least squares, to the
/// full-precision model's W f, with the residuals where they count: W + (W D + R)(H + 0.1 mean
/// diag(H))^-1. GPTAQ (Li et al., 2025, arXiv 2504.02692) aims at W f so; the residual is ours. The
/// weight itself when H has no factor.
at::Tensor aimed_weight(const StageMoments& moments, const QuantProblem& problem);

}  // namespace mpq
