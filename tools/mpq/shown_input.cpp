// Headers, texts, and what is right, in that order.
#include "shown_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace mpq::cli {
namespace {

constexpr const char* kStandOut = "\x1b[7m";
constexpr const char* kAsBefore = "\x1b[0m";
constexpr const char* kAnswer = "[answer:]";

/// A prompt must not drive the terminal: control characters but line feeds and tabs are written
/// out, U+0080 to U+009F (C2 80 to C2 9F) too.
std::string harmless(const std::string& text) {
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
      shown += fmt::format("\\x{:02x}", next);
      ++i;
    } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += text[i];
    }
  }
  return shown;
}

/// With a mark where the token `answer_from` begins; 0: none.
std::string text_of(const Json& pieces, bool terminal, size_t answer_from = 0) {
  std::string all;
  size_t tokens = 0;
  for (const Json& piece : pieces) {
    const size_t next = tokens + piece["ids"].size();
    if (answer_from > 0 && tokens <= answer_from && answer_from < next) all += kAnswer;
    tokens = next;
    const std::string text = harmless(piece["text"].get<std::string>());
    all += terminal && piece["special"].get<bool>() ? kStandOut + text + kAsBefore : text;
  }
  return all;
}

void print_prompt(const Json& prompt, bool terminal) {
  std::string use;
  if (prompt.contains("held_out"))
    use = prompt["held_out"].get<bool>() ? ", held out" : ", to calibrate on";
  const auto answer_from = prompt.value("answer_from", size_t{0});
  fmt::print("=== {}: {} tokens{}\n{}\n", harmless(prompt["source"].get<std::string>()),
             prompt["tokens"].get<int64_t>(), use,
             text_of(prompt["pieces"], terminal, answer_from));
  for (const Json& answer : prompt.value("answers", Json::array())) {
    fmt::print("--- answer ({}compared with what is generated): {}\n",
               answer_from > 0 ? "" : "not read; ", harmless(answer.get<std::string>()));
  }
  for (const Json& choice : prompt.value("choices", Json::array())) {
    fmt::print("--- {} choice ({}read behind the prompt to measure it): {}\n",
               choice["right"].get<bool>() ? "right" : "wrong",
               answer_from > 0 ? "" : "not calibrated on; ", text_of(choice["pieces"], terminal));
  }
}

}  // namespace

void print_shown_input(const Json& prompts) {
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  for (const Json& prompt : prompts) print_prompt(prompt, terminal);
}

}  // namespace mpq::cli
