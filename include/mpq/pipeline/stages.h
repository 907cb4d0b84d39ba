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
/// Writes what llama-quantize needs to make a plan's GGUF file itself: tensor-types.txt, the type
/// of every tensor, and imatrix.gguf, what their inputs weigh on the calibration tokens. Returns
/// its command line ("quantize") and that of llama.cpp's converter ("convert"), a list of words
/// each.
Json export_recipe(const CommonOptions& common, const RecipeOptions& options);
/// Measures a checkpoint, alone or against a reference; of a dry run says what that takes.
Json measure_checkpoint(const CommonOptions& common, const EvalOptions& options);
/// The same, and writes it; Error(Usage) when there is nothing to measure.
Json evaluate_checkpoint(const CommonOptions& common, const EvalOptions& options);
/// What changed from one checkpoint or report to another: bytes, bits by block, metrics paired by
/// prompt, and which gates hold ("exit_status" 7 when one does not). Checkpoints are measured on
/// evaluation's task and text, the second against the first.
Json diff(const CommonOptions& common, const DiffOptions& options, const EvalOptions& evaluation);
/// Compares full precision, the best uniform plan and the chosen one: report.json in the work
/// folder, and the page at options.out.
Json report(const CommonOptions& common, const ReportOptions& options,
            const EvalOptions& evaluation);
/// calibrate, score, allocate, quantize and the report.
Json run_all(const CommonOptions& common, const CalibrateOptions& calibration,
             const ScoreOptions& scoring, const AllocateOptions& allocation,
             const QuantizeOptions& quantization, const EvalOptions& evaluation);

}  // namespace mpq
