#pragma once
// The stages of the pipeline, each a function from options to a JSON summary; files go to the work
// folder and the outputs.
#include "mpq/core/json_file.h"
#include "mpq/pipeline/options.h"

namespace mpq {

/// Tokenizes the task and gathers hidden-state statistics. Skipped when nothing changed ("skipped":
/// true in the summary).
Json calibrate(const CommonOptions& common, const CalibrateOptions& options);
/// Scores all candidates: work/sensitivity-NAME.json. Returns the summary with "path".
Json score(const CommonOptions& common, const ScoreOptions& options);
/// Scores what is missing, solves, verifies on held-out prompts, writes one plan per budget.
Json allocate(const CommonOptions& common, const ScoreOptions& scoring,
              const AllocateOptions& options);
/// Writes the packed checkpoint of a plan.
Json quantize(const CommonOptions& common, const QuantizeOptions& options);
/// Measures a checkpoint, alone or against a reference.
Json evaluate_checkpoint(const CommonOptions& common, const EvalOptions& options);
/// calibrate, score, allocate, quantize, eval and the comparison table.
Json run_all(const CommonOptions& common, const CalibrateOptions& calibration,
             const ScoreOptions& scoring, const AllocateOptions& allocation,
             const QuantizeOptions& quantization, const EvalOptions& evaluation);

}  // namespace mpq
