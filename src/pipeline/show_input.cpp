// Prompts as the model will read them, token by token.
#include "mpq/core/error.h"
#include "mpq/pipeline/checkpoint_path.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/inspect.h"
#include "mpq/text/token_pieces.h"

namespace mpq {
namespace {

Json pieces_json(const TokenSequence& tokens, const Tokenizer& tokenizer, size_t first = 0) {
  Json list = Json::array();
  for (const auto& piece : token_pieces(tokens, tokenizer, first))
    list.push_back({{"ids", piece.ids}, {"text", piece.text}, {"special", piece.special}});
  return list;
}

Json sequence_json(const std::string& source, const TokenSequence& tokens,
                   const Tokenizer& tokenizer) {
  return {
      {"source", source}, {"tokens", tokens.size()}, {"pieces", pieces_json(tokens, tokenizer)}};
}

Json prompt_json(const CalibrationPrompt& prompt, const Tokenizer& tokenizer) {
  Json shown = sequence_json(prompt.task.source, prompt.tokens, tokenizer);
  shown["held_out"] = prompt.task.held_out;
  if (!prompt.task.answers.empty()) shown["answers"] = prompt.task.answers;
  if (prompt.answer_from > 0) shown["answer_from"] = prompt.answer_from;
  const EvalPrompt measured = eval_prompt(prompt, tokenizer);
  const TokenSequence question = before_answer(prompt.tokens, prompt.answer_from);
  for (size_t i = 0; i < measured.choices.size(); ++i) {
    TokenSequence whole = question;
    whole.insert(whole.end(), measured.choices[i].begin(), measured.choices[i].end());
    shown["choices"].push_back({{"right", static_cast<int>(i) == measured.label},
                                {"pieces", pieces_json(whole, tokenizer, question.size())}});
  }
  return shown;
}

}  // namespace

Json show_input(const EvalOptions& options, double holdout) {
  require(!options.model.empty(), ErrorCode::Usage, "--model is missing: name a checkpoint folder");
  require(!options.task.empty() || !options.text.empty(), ErrorCode::Usage,
          "nothing to read: give --task FILE, --text FILE or both");
  const std::string folder = checkpoint_folder(options.model);
  const auto tokenizer = Tokenizer::load(folder);
  Json shown = Json::array();
  for (const auto& prompt : file_prompts(options, folder, *tokenizer, holdout))
    shown.push_back(prompt_json(prompt, *tokenizer));
  require(!shown.empty() || !options.text.empty(), ErrorCode::Usage,
          "nothing to show: the task files hold no records");
  if (options.text.empty()) return shown;
  // Whole documents by themselves, windows beside a task, as tokenize_input() has them.
  EvalOptions texts = options;
  texts.task.clear();
  const auto sequences =
      options.task.empty() ? tokenize_input(texts) : file_input(texts, folder, *tokenizer).text;
  const char* kind = options.task.empty() ? "document" : "window of text";
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (options.limit > 0 && static_cast<int64_t>(shown.size()) >= options.limit) break;
    shown.push_back(sequence_json(fmt::format("{} {}", kind, i + 1), sequences[i], *tokenizer));
  }
  return shown;
}

}  // namespace mpq
