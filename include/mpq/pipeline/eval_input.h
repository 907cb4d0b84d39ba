#pragma once
// What `evaluate` measures, made from prompts of the work folder or from files.
#include "mpq/eval/evaluate.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// End-of-sequence ids of FOLDER/generation_config.json, else of its config.json.
std::vector<int32_t> stop_tokens(const std::string& folder);
/// Prompts and text windows that were held out from calibration.
EvalInput held_out_input(const Session& session);
/// Prompts of task files and windows of text files for a checkpoint.
EvalInput file_input(const EvalOptions& options, const std::string& checkpoint_folder,
                     const Tokenizer& tokenizer);

}  // namespace mpq
