#pragma once
// What is summed over the rows of one input of a stage.
#include <optional>

#include "mpq/calib/hessian_accumulator.h"
#include "mpq/calib/stage_moments.h"

namespace mpq {

/// Sums over the rows of one kind, then of the other. A row weighs (1 - share) in / E of its kind's
/// sum of squares E, or 2 / rows where there is one kind only. What a row of text weighs must be
/// known before text joins the task's sums. Holds references.
class InputSums {
 public:
  InputSums(const StageSource& source, const InputNeeds& needs, const LinearInfo& reader)
      : source_(source), needs_(needs), reader_(reader) {}

  void add_squares_of_text(const StageState& state);
  /// `full` may be null where nothing aims.
  void add(const StageState& state, const StageState* full, bool text);
  /// After the task's rows: what text's will weigh. False where text has no part.
  bool begin_text(bool has_text);
  /// After text's rows, where it has one.
  void end_text();
  /// Throws Error(Numeric) naming the unit when the inputs are not finite.
  StageMoments finish(const std::string& unit);

 private:
  void add_range(const at::Tensor& x, size_t kind);
  void add_lacks(const StageState& own, const StageState& full, const at::Tensor& x);
  void scale(double factor);
  at::Tensor blended_magnitudes() const;

  const StageSource& source_;
  const InputNeeds& needs_;
  const LinearInfo reader_;
  double in_ = 0, text_squares_ = 0, factor_ = 0;
  double rows_ = 0, task_rows_ = 0;
  bool blended_ = false;
  std::optional<HessianAccumulator> hessian_;
  at::Tensor sum_abs_[2], max_abs_;
  at::Tensor input_lack_, residual_lack_;
};

/// Throws Error(Numeric) naming what the sums are of when they are not finite.
void check_inputs(const at::Tensor& sums, const std::string& where);

}  // namespace mpq
