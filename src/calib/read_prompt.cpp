// Renders prompts, alone or with their answers, and finds where the answer begins.
#include "read_prompt.h"

#include <algorithm>
#include <cctype>

#include "mpq/core/error.h"
#include "mpq/text/chat_template.h"

namespace mpq {
namespace {

bool ends_with_assistant(const Json& messages) {
  return messages.back().value("role", "") == "assistant";
}

std::string render(const TaskPrompt& task, const Json& messages, const std::string& folder) {
  ChatOptions options;
  options.tools = task.tools;
  options.add_generation_prompt = !ends_with_assistant(messages);
  try {
    return render_chat(messages, folder, options);
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", task.source, error.what());
  }
}

/// The right choice, or the first answer; empty: none is known.
std::string known_answer(const TaskPrompt& task) {
  if (!task.choices.empty()) return task.choices.at(static_cast<size_t>(task.label));
  return task.answers.empty() ? "" : task.answers.front();
}

struct Texts {
  std::string question;
  std::string whole;  // with the answer
};

Texts chat_texts(const TaskPrompt& task, const std::string& folder) {
  Json conversation = task.messages;
  if (!ends_with_assistant(conversation)) {
    const std::string answer = known_answer(task);
    const std::string question = render(task, conversation, folder);
    if (answer.empty()) return {question, question};
    conversation.push_back({{"role", "assistant"}, {"content", answer}});
    return {question, render(task, conversation, folder)};
  }
  Texts texts{"", render(task, conversation, folder)};
  conversation.erase(conversation.size() - 1);
  // Templates need a message; an answer to nothing begins with the sequence.
  if (!conversation.empty()) texts.question = render(task, conversation, folder);
  return texts;
}

Texts plain_texts(const TaskPrompt& task) {
  return {task.prompt, task.prompt + continuation_of(task.prompt, known_answer(task))};
}

}  // namespace

std::string continuation_of(const std::string& prompt, const std::string& text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  const bool given = prompt.empty() || text.empty() || space(prompt.back()) || space(text.front());
  return given ? text : " " + text;
}

CalibrationPrompt read_prompt(const TaskPrompt& task, const Tokenizer& tokenizer,
                              const std::string& checkpoint_folder) {
  const bool chat = !task.messages.is_null();
  // A chat template writes its special tokens itself.
  return {
      task,
      tokenizer.encode(chat ? render(task, task.messages, checkpoint_folder) : task.prompt, !chat),
      0};
}

CalibrationPrompt read_answered(const TaskPrompt& task, const Tokenizer& tokenizer,
                                const std::string& checkpoint_folder) {
  const bool chat = !task.messages.is_null();
  const Texts texts = chat ? chat_texts(task, checkpoint_folder) : plain_texts(task);
  const TokenSequence question = tokenizer.encode(texts.question, !chat);
  TokenSequence whole = tokenizer.encode(texts.whole, !chat);
  // A token may straddle the border, and a template may write earlier messages anew: whatever the
  // answer changes is counted as its own. Nothing predicts the first token.
  const auto shared = std::mismatch(whole.begin(), whole.end(), question.begin(), question.end());
  const int64_t answer_from = std::max<int64_t>(1, shared.first - whole.begin());
  return {task, std::move(whole), answer_from};
}

}  // namespace mpq
