#pragma once
// One task prompt as the model reads it.
#include "mpq/calib/prompt_set.h"

namespace mpq {

/// As the model will be asked: a conversation that the assistant ends is read whole, any other up
/// to where its answer begins.
CalibrationPrompt read_prompt(const TaskPrompt& task, const Tokenizer& tokenizer,
                              const std::string& checkpoint_folder);
/// With its answer. `answer_from` is the number of tokens where the answer adds none, or the task
/// has none.
CalibrationPrompt read_answered(const TaskPrompt& task, const Tokenizer& tokenizer,
                                const std::string& checkpoint_folder);

}  // namespace mpq
