#pragma once
// What `calibrate` reads: the model, and its prompts as tokens.
#include <memory>
#include <vector>

#include "mpq/calib/prompt_set.h"
#include "mpq/model/model.h"
#include "mpq/pipeline/options.h"

namespace mpq {

struct CalibrationInput {
  CalibrateOptions options;  // sequences no longer than the model has positions for
  std::unique_ptr<Model> model;
  PromptSet prompts;
};

/// Throws Error(Usage) when an option is missing or out of range, or no prompt is left.
CalibrationInput calibration_input(const CommonOptions& common, CalibrateOptions options);
/// Tokens of all prompts together.
int64_t count_tokens(const std::vector<CalibrationPrompt>& prompts);
int64_t count_tokens(const std::vector<TokenSequence>& sequences);
/// The stage's summary: what is read, in counts.
Json describe_calibration(const CalibrationInput& input);
/// The same for a dry run, with what would be computed.
Json dry_calibration(const CalibrationInput& input);

}  // namespace mpq
