#pragma once
// What `calibrate` reads: the model, and its prompts as tokens.
#include <memory>

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

}  // namespace mpq
