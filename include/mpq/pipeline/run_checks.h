#pragma once
// What `run` can refuse before it works.
#include "mpq/pipeline/options.h"

namespace mpq {

/// Everything that `run` is asked for, one stage's after the other's.
struct RunOptions {
  const CalibrateOptions& calibration;
  const ScoreOptions& scoring;
  const AllocateOptions& allocation;
  const QuantizeOptions& quantization;
  const EvalOptions& evaluation;
};

/// Throws what a later stage would: on names and options that are unknown or out of range, a format
/// that does not hold the model, a budget that no plan fits, an output that cannot be put in its
/// place (`own`: an earlier run's stands there), and files to compare on that cannot be read.
void check_run(const CommonOptions& common, const RunOptions& options, bool own);

}  // namespace mpq
