#pragma once
// What `evaluate` measures, made from prompts of the work folder or from files.
#include "mpq/eval/evaluate.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// End-of-sequence ids of FOLDER/generation_config.json, else of its config.json.
std::vector<int32_t> stop_tokens(const std::string& folder);
/// Prompts and text windows that were held out from calibration.
EvalInput held_out_input(const Session& session);
/// Tokens of the prompts and the text.
int64_t count_tokens(const EvalInput& input);
/// SHA-256 of all that is measured: tokens, answers, choices and text. Figures of the same input
/// can be paired.
std::string input_hash(const EvalInput& input);
/// Lets the evaluation keep the reference's final states in the work folder; `hash` is that of the
/// reference's files.
void keep_reference(const WorkFolder& work, const Model& reference, const std::string& hash,
                    EvalInput& input);
/// The model, its reference, and the task and text files: what no output may replace.
std::vector<std::string> inputs_of(const EvalOptions& options);
/// A prompt as it is measured: each choice as the tokens that follow it.
EvalPrompt eval_prompt(const CalibrationPrompt& prompt, const Tokenizer& tokenizer);
/// Prompts of task files for a checkpoint; `holdout` of them are marked as held out.
std::vector<CalibrationPrompt> file_prompts(const EvalOptions& options,
                                            const std::string& checkpoint_folder,
                                            const Tokenizer& tokenizer, double holdout = 0);
/// Prompts of task files and windows of text files for a checkpoint.
EvalInput file_input(const EvalOptions& options, const std::string& checkpoint_folder,
                     const Tokenizer& tokenizer);

}  // namespace mpq
