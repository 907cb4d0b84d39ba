#pragma once
// The calibration folder's prompts: tokenized once, read by every later stage.
#include <string>
#include <vector>

#include "mpq/calib/prompt_options.h"
#include "mpq/core/json_file.h"
#include "mpq/model/batch.h"
#include "mpq/text/task_file.h"
#include "mpq/text/tokenizer.h"

namespace mpq {

struct CalibrationPrompt {
  TaskPrompt task;
  TokenSequence tokens;
  /// Index in `tokens` of the answer's first token, from 1 to below their number: rows
  /// answer_from - 1 to the last but one predict the answer. 0: no answer in `tokens` is known of;
  /// always so unless prompts were read with their answers (--score-on answers).
  int64_t answer_from = 0;
};

/// Prompts that may be calibrated on and those held out, and windows of general text of both kinds.
struct PromptSet {
  std::vector<CalibrationPrompt> task, held_out;
  std::vector<TokenSequence> text, text_held_out;
};

/// Throws Error(Usage) unless `score_on` is "all" or "answers".
void require_score_on(const std::string& score_on);
/// `text` as it is read behind a prompt: with a space in front where neither side brings one.
std::string continuation_of(const std::string& prompt, const std::string& text);
/// Tokenizes task prompts (messages through the chat template of `checkpoint_folder`). One of more
/// than `max_tokens` keeps what the tokenizer puts in front (the BOS) and its end; how many were
/// cut, and by how much, is logged. `score_on` "answers": each with its answer, which is a chat's
/// last message where the assistant's, else the right choice or the first of its answers; the
/// answer begins where its tokens depart from those of the prompt alone. Throws Error(Usage) naming
/// the prompt that has none.
std::vector<CalibrationPrompt> tokenize_prompts(const std::vector<TaskPrompt>& prompts,
                                                const Tokenizer& tokenizer,
                                                const std::string& checkpoint_folder,
                                                int64_t max_tokens,
                                                const std::string& score_on = "all");
/// Cuts documents to windows of `window` tokens, each with what the tokenizer puts in front; a
/// shorter document gives itself, the rest of a longer one is left. `limit`: about so many whole
/// windows' tokens, evenly spread; 0: all.
std::vector<TokenSequence> text_windows(const std::vector<std::string>& documents,
                                        const Tokenizer& tokenizer, int64_t window, int64_t limit);
/// Splits and tokenizes. `text` documents: every fourth window is held out. Throws Error(Usage)
/// when no prompt is left to calibrate on.
PromptSet build_prompt_set(const std::vector<TaskPrompt>& prompts,
                           const std::vector<std::string>& documents, const Tokenizer& tokenizer,
                           const std::string& checkpoint_folder, const PromptOptions& options);

Json to_json(const PromptSet& set);
/// Throws Error(Format) naming `where`.
PromptSet prompt_set_from_json(const Json& json, const std::string& where);

}  // namespace mpq
