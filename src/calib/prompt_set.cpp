// Tokenizes the task and the general text, and splits off what is held out.
#include "mpq/calib/prompt_set.h"

#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "read_prompt.h"

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

/// What the tokenizer puts in front of every text, as a rule the BOS.
TokenSequence front_tokens(const Tokenizer& tokenizer) {
  const TokenSequence plain = tokenizer.encode("a", false);
  const TokenSequence whole = tokenizer.encode("a", true);
  const auto at = std::search(whole.begin(), whole.end(), plain.begin(), plain.end());
  return {whole.begin(), at};
}

/// A chat template writes its BOS itself; it is front where the prompt begins with it.
TokenSequence chat_front(const TokenSequence& tokens, const Tokenizer& tokenizer,
                         const std::string& folder) {
  const std::string path = folder + "/tokenizer_config.json";
  if (!std::filesystem::exists(path)) return {};
  Json token = read_json_file(path).value("bos_token", Json());
  if (token.is_object()) token = token.value("content", Json());
  if (!token.is_string()) return {};
  const auto bos = tokenizer.token_to_id(token.get<std::string>());
  return bos && tokens.front() == *bos ? TokenSequence{*bos} : TokenSequence{};
}

/// What was cut of prompts that are too long.
struct Cuts {
  int64_t prompts = 0, tokens = 0, longest = 0, answers = 0;

  /// Keeps the front and the end, where the answer is or follows.
  void shorten(CalibrationPrompt& prompt, const TokenSequence& front, int64_t max_tokens) {
    const auto length = static_cast<int64_t>(prompt.tokens.size());
    const int64_t lost = length - max_tokens;
    if (lost <= 0) return;
    ++prompts;
    tokens += lost;
    longest = std::max(longest, length);
    const auto kept = std::min(static_cast<int64_t>(front.size()), max_tokens - 1);
    const auto first = prompt.tokens.begin() + kept;
    prompt.tokens.erase(first, first + lost);
    int64_t& answer = prompt.answer_from;
    if (answer == 0) return;
    if (answer < kept + lost) ++answers;
    answer = std::max({int64_t{1}, std::min(answer, kept), answer - lost});
  }

  void log(size_t of_prompts, int64_t max_tokens) const {
    if (prompts > 0) {
      log_warning(
          "{} of {} prompts are longer than {} tokens (the longest has {}) and lose {} tokens "
          "after their first; see --max-tokens (of eval: --max-prompt-tokens)",
          prompts, of_prompts, max_tokens, longest, tokens);
    }
    if (answers > 0) {
      log_warning("{} answers are longer than that themselves: nothing is left of their prompts",
                  answers);
    }
  }
};

}  // namespace

void require_score_on(const std::string& score_on) {
  require(score_on == "all" || score_on == "answers", ErrorCode::Usage,
          "--score-on: expected all or answers, found \"{}\"", score_on);
}

std::vector<CalibrationPrompt> tokenize_prompts(const std::vector<TaskPrompt>& prompts,
                                                const Tokenizer& tokenizer,
                                                const std::string& checkpoint_folder,
                                                int64_t max_tokens, const std::string& score_on) {
  require_score_on(score_on);
  const bool answered = score_on == "answers";
  const TokenSequence front = front_tokens(tokenizer);
  std::vector<CalibrationPrompt> result;
  Cuts cuts;
  for (const auto& prompt : prompts) {
    CalibrationPrompt read = answered ? read_answered(prompt, tokenizer, checkpoint_folder)
                                      : read_prompt(prompt, tokenizer, checkpoint_folder);
    require(!read.tokens.empty(), ErrorCode::Format, "{}: the prompt has no tokens", prompt.source);
    const bool chat = !prompt.messages.is_null();
    cuts.shorten(read, chat ? chat_front(read.tokens, tokenizer, checkpoint_folder) : front,
                 max_tokens);
    require(
        !answered || read.answer_from < static_cast<int64_t>(read.tokens.size()), ErrorCode::Usage,
        "--score-on answers: {}: the prompt has no answer; give one (\"answers\", \"completion\", "
        "\"choices\" with \"label\", the assistant's last message, or a field by "
        "--answer-field), or leave the option out",
        prompt.source);
    result.push_back(std::move(read));
  }
  cuts.log(prompts.size(), max_tokens);
  return result;
}

std::vector<TokenSequence> text_windows(const std::vector<std::string>& documents,
                                        const Tokenizer& tokenizer, int64_t window, int64_t limit) {
  const TokenSequence front = front_tokens(tokenizer);
  const int64_t content = std::max<int64_t>(1, window - static_cast<int64_t>(front.size()));
  std::vector<TokenSequence> windows;
  int64_t total = 0;
  for (const auto& document : documents) {
    const TokenSequence tokens = tokenizer.encode(document, false);
    const auto length = static_cast<int64_t>(tokens.size());
    for (int64_t begin = 0; begin < length; begin += content) {
      const int64_t count = std::min(content, length - begin);
      const bool rest = begin > 0 && count < content;  // the end of a long document
      if (rest || static_cast<int64_t>(front.size()) + count < 2) continue;
      windows.push_back(front);
      windows.back().insert(windows.back().end(), tokens.begin() + begin,
                            tokens.begin() + begin + count);
      total += static_cast<int64_t>(windows.back().size());
    }
  }
  if (limit == 0 || windows.empty()) return windows;
  // As many as make up `limit` whole windows: of short documents more are taken.
  const auto count = static_cast<int64_t>(windows.size());
  return spread(std::move(windows), std::max<int64_t>(limit, limit * window * count / total));
}

PromptSet build_prompt_set(const std::vector<TaskPrompt>& prompts,
                           const std::vector<std::string>& documents, const Tokenizer& tokenizer,
                           const std::string& checkpoint_folder, const PromptOptions& options) {
  std::vector<TaskPrompt> kept;
  std::vector<TaskPrompt> held;
  for (const auto& prompt : prompts) (prompt.held_out ? held : kept).push_back(prompt);
  require(!prompts.empty(), ErrorCode::Usage, "the task files hold no records");
  require(!kept.empty(), ErrorCode::Usage,
          "the task has {} prompts and none is left to calibrate on; lower --holdout",
          prompts.size());
  PromptSet set;
  const auto tokenize = [&](std::vector<TaskPrompt> all) {
    return tokenize_prompts(spread(std::move(all), options.max_prompts), tokenizer,
                            checkpoint_folder, options.max_tokens, options.score_on);
  };
  set.task = tokenize(std::move(kept));
  set.held_out = tokenize(std::move(held));
  if (options.text_windows == 0) return set;
  const int64_t held_windows = (options.text_windows + 3) / 4;
  auto windows = text_windows(documents, tokenizer, options.text_window_tokens,
                              options.text_windows + held_windows);
  const size_t last = windows.size() - 1;
  const bool few = windows.size() > 1 && windows.size() < 5;
  for (size_t i = 0; i < windows.size(); ++i) {
    const bool held_out = few ? i == last : i % 5 == 4;
    (held_out ? set.text_held_out : set.text).push_back(std::move(windows[i]));
  }
  return set;
}

}  // namespace mpq
