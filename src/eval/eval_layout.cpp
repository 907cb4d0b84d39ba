// Checks an evaluation's input and lists what has to be read.
#include "eval_layout.h"

#include "mpq/core/error.h"

namespace mpq {
namespace {

void check(const EvalPrompt& prompt) {
  require(!prompt.tokens.empty(), ErrorCode::Usage, "{}: the prompt has no tokens", prompt.source);
  if (prompt.choices.empty()) return;
  const auto choices = static_cast<int>(prompt.choices.size());
  require(prompt.label >= 0 && prompt.label < choices, ErrorCode::Usage,
          "{}: expected a label in 0..{}, found {}", prompt.source, choices - 1, prompt.label);
  require(prompt.choice_bytes.size() == prompt.choices.size(), ErrorCode::Internal,
          "{}: {} choices, but {} lengths", prompt.source, choices, prompt.choice_bytes.size());
  for (size_t i = 0; i < prompt.choices.size(); ++i)
    require(!prompt.choices[i].empty() && prompt.choice_bytes[i] > 0, ErrorCode::Usage,
            "{}: choice {} is empty", prompt.source, i);
}

/// Positions `first` to the end of the last sequence of the layout.
void read(const std::vector<TokenSequence>& sequences, size_t first, bool last_too,
          std::vector<Position>& positions) {
  const TokenSequence& tokens = sequences.back();
  for (size_t offset = first; offset < tokens.size(); ++offset) {
    const bool last = offset + 1 == tokens.size();
    if (last && !last_too) break;
    positions.push_back({static_cast<int64_t>(sequences.size()) - 1, static_cast<int64_t>(offset),
                         last ? -1 : tokens[offset + 1]});
  }
}

}  // namespace

EvalLayout lay_out(const EvalInput& input, bool compared) {
  EvalLayout layout;
  auto& sequences = layout.sequences;
  for (const auto& prompt : input.prompts) {
    check(prompt);
    if (!compared) continue;
    sequences.push_back(prompt.tokens);
    const bool answered = prompt.answer_from > 0;
    read(sequences, answered ? static_cast<size_t>(prompt.answer_from - 1) : 0, !answered,
         layout.task);
  }
  layout.first_text = static_cast<int64_t>(sequences.size());
  for (size_t i = 0; i < input.text.size(); ++i) {
    require(!input.text[i].empty(), ErrorCode::Usage, "text window {} of {} has no tokens", i + 1,
            input.text.size());
    sequences.push_back(input.text[i]);
    read(sequences, 0, compared, layout.text);
  }
  layout.first_choice = static_cast<int64_t>(sequences.size());
  for (const auto& prompt : input.prompts) {
    const TokenSequence question = before_answer(prompt.tokens, prompt.answer_from);
    for (const auto& choice : prompt.choices) {
      sequences.push_back(question);
      sequences.back().insert(sequences.back().end(), choice.begin(), choice.end());
      read(sequences, question.size() - 1, false, layout.choices);
    }
  }
  return layout;
}

}  // namespace mpq
