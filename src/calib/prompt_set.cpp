// Tokenizes the task and the general text, and splits off what is held out.
#include "mpq/calib/prompt_set.h"

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/text/chat_template.h"

namespace mpq {
namespace {

/// `limit` items evenly spread over `all`, in order.
template <class T>
std::vector<T> spread(std::vector<T> all, int64_t limit) {
  const auto count = static_cast<int64_t>(all.size());
  if (limit <= 0 || count <= limit) return all;
  std::vector<T> chosen;
  for (int64_t i = 0; i < limit; ++i)
    chosen.push_back(std::move(all[static_cast<size_t>(i * count / limit)]));
  return chosen;
}

}  // namespace

std::vector<CalibrationPrompt> tokenize_prompts(const std::vector<TaskPrompt>& prompts,
                                                const Tokenizer& tokenizer,
                                                const std::string& checkpoint_folder,
                                                int64_t max_tokens) {
  std::vector<CalibrationPrompt> result;
  for (const auto& prompt : prompts) {
    const bool chat = !prompt.messages.is_null();
    // A chat template writes its special tokens itself.
    TokenSequence tokens = tokenizer.encode(
        chat ? render_chat(prompt.messages, checkpoint_folder) : prompt.prompt, !chat);
    const auto length = static_cast<int64_t>(tokens.size());
    require(length > 0, ErrorCode::Format, "{}: the prompt has no tokens", prompt.source);
    if (length > max_tokens) tokens.erase(tokens.begin(), tokens.end() - max_tokens);
    result.push_back({prompt, std::move(tokens)});
  }
  return result;
}

std::vector<TokenSequence> text_windows(const std::vector<std::string>& documents,
                                        const Tokenizer& tokenizer, int64_t window, int64_t limit) {
  std::vector<TokenSequence> windows;
  TokenSequence longest;
  for (const auto& document : documents) {
    TokenSequence tokens = tokenizer.encode(document, false);
    if (tokens.size() > longest.size()) longest = tokens;
    const auto length = static_cast<int64_t>(tokens.size());
    for (int64_t begin = 0; begin + window <= length; begin += window)
      windows.emplace_back(tokens.begin() + begin, tokens.begin() + begin + window);
  }
  if (windows.empty() && longest.size() > 1) windows.push_back(std::move(longest));
  return spread(std::move(windows), limit);
}

PromptSet build_prompt_set(const std::vector<TaskPrompt>& prompts,
                           const std::vector<std::string>& documents, const Tokenizer& tokenizer,
                           const std::string& checkpoint_folder, const PromptOptions& options) {
  std::vector<TaskPrompt> kept;
  std::vector<TaskPrompt> held;
  for (const auto& prompt : prompts) (prompt.held_out ? held : kept).push_back(prompt);
  require(!kept.empty(), ErrorCode::Usage,
          "the task has {} prompts and none is left to calibrate on; lower --holdout",
          prompts.size());
  PromptSet set;
  set.task = tokenize_prompts(spread(std::move(kept), options.max_prompts), tokenizer,
                              checkpoint_folder, options.max_tokens);
  set.held_out = tokenize_prompts(spread(std::move(held), options.max_prompts), tokenizer,
                                  checkpoint_folder, options.max_tokens);
  if (options.text_windows == 0) return set;
  const int64_t held_windows = (options.text_windows + 3) / 4;
  auto windows = text_windows(documents, tokenizer, options.text_window_tokens,
                              options.text_windows + held_windows);
  for (size_t i = 0; i < windows.size(); ++i)
    (i % 5 == 4 ? set.text_held_out : set.text).push_back(std::move(windows[i]));
  return set;
}

}  // namespace mpq
