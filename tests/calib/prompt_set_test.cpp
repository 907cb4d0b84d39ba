// What is kept of long prompts, which text is used, and which prompts are probed.
#include "mpq/calib/prompt_set.h"

#include <gtest/gtest.h>

#include <set>

#include "mpq/calib/sequence_group.h"
#include "mpq/core/log.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

TEST(PromptSet, ALongPromptKeepsItsBosAndItsEnd) {
  TaskPrompt prompt;
  prompt.source = "t:1";
  prompt.prompt = "abcdefgh";
  const auto cut = tokenize_prompts({prompt}, ByteTokenizer(), "/nowhere", 4);
  EXPECT_EQ(cut.front().tokens, (TokenSequence{1, 'f', 'g', 'h'}));
}

TEST(PromptSet, SaysHowMuchOfHowManyPromptsIsCut) {
  TaskPrompt brief, long_one;
  brief.prompt = "ab";
  long_one.prompt = "abcdefgh";
  std::vector<std::string> said;
  set_log_sinks({.message = [&](LogLevel, const std::string& text) { said.push_back(text); },
                 .progress = {}});
  tokenize_prompts({brief, long_one}, ByteTokenizer(), "/nowhere", 4);
  set_log_sinks({});
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(
      said[0].starts_with("1 of 2 prompts are longer than 4 tokens (the longest has 9) and "
                          "lose 5 tokens"))
      << said[0];
}

/// Whose BOS can be written, as "^".
class WrittenBosTokenizer final : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    return ByteTokenizer().encode(text, add_special_tokens);
  }
  std::string decode(std::span<const int32_t>, bool) const override { return ""; }
  std::optional<int32_t> token_to_id(std::string_view token) const override {
    if (token != "^") return {};
    return '^';
  }
  int32_t vocab_size() const override { return 256; }
};

TEST(PromptSet, ALongChatKeepsTheBosThatItsTemplateWrites) {
  const TemporaryFolder folder;
  write_text_file(folder.file("chat_template.jinja"),
                  "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}");
  TaskPrompt prompt;
  prompt.source = "t:1";
  prompt.messages = Json::parse(R"([{"role": "user", "content": "abcdefgh"}])");
  const auto cut = [&](const char* config) {
    write_text_file(folder.file("tokenizer_config.json"), config);
    return tokenize_prompts({prompt}, WrittenBosTokenizer(), folder.path(), 4).front().tokens;
  };
  EXPECT_EQ(cut(R"({"bos_token": "^"})"), (TokenSequence{'^', 'f', 'g', 'h'}));
  EXPECT_EQ(cut(R"({"bos_token": {"content": "^"}})"), (TokenSequence{'^', 'f', 'g', 'h'}));
  // What is no token of the tokenizer's is text like any other.
  EXPECT_EQ(cut(R"({"bos_token": "!"})"), (TokenSequence{'e', 'f', 'g', 'h'}));
}

TEST(PromptSet, SaysWhatToScoreOn) {
  TaskPrompt prompt;
  prompt.prompt = "ab";
  prompt.answers = {"c"};
  const auto read = tokenize_prompts({prompt}, ByteTokenizer(), "/nowhere", 9, "all");
  EXPECT_EQ(read.front().tokens, (TokenSequence{1, 'a', 'b'}));
  EXPECT_EQ(read.front().answer_from, 0);
  EXPECT_EQ(error_of(ErrorCode::Usage,
                     [&] { tokenize_prompts({prompt}, ByteTokenizer(), "/nowhere", 9, "answer"); }),
            "--score-on: expected all or answers, found \"answer\"");
}

TEST(PromptSet, WindowsOfTextBeginWithTheBos) {
  const auto windows = text_windows({"abcdefgh"}, ByteTokenizer(), 4, 0);
  EXPECT_EQ(windows, (std::vector<TokenSequence>{{1, 'a', 'b', 'c'}, {1, 'd', 'e', 'f'}}));
}

TEST(PromptSet, ShortDocumentsAreUsed) {
  const std::vector<std::string> documents(20, "abc");
  EXPECT_EQ(text_windows(documents, ByteTokenizer(), 8, 0).size(), 20U);
  // As many as make up five whole windows.
  EXPECT_EQ(text_windows(documents, ByteTokenizer(), 8, 5).size(), 10U);
}

TEST(PromptSet, OfFewWindowsTheLastIsHeldOut) {
  TaskPrompt prompt;
  prompt.prompt = "ab";
  PromptOptions options;
  options.text_windows = 8;
  options.text_window_tokens = 4;
  const auto set_of = [&](const std::string& text) {
    return build_prompt_set({prompt}, {text}, ByteTokenizer(), "/nowhere", options);
  };
  const PromptSet few = set_of("abcdefghi");
  EXPECT_EQ(few.text, (std::vector<TokenSequence>{{1, 'a', 'b', 'c'}, {1, 'd', 'e', 'f'}}));
  EXPECT_EQ(few.text_held_out, (std::vector<TokenSequence>{{1, 'g', 'h', 'i'}}));
  const PromptSet one = set_of("abc");  // the only one is calibrated on
  EXPECT_EQ(one.text.size(), 1U);
  EXPECT_TRUE(one.text_held_out.empty());
}

TEST(SequenceGroups, ProbesAreDrawnFromAllPrompts) {
  PromptSet set;
  for (int i = 0; i < 64; ++i) {
    set.task.emplace_back();
    set.task.back().tokens = TokenSequence(16, i);
  }
  const auto probed = [&](uint64_t seed) {
    const auto groups = calibration_groups(set, {.probe_task_tokens = 160, .seed = seed});
    const auto ids = groups.front().plan.ids();
    EXPECT_TRUE(groups.front().probe);
    EXPECT_EQ(ids.size(0), 160);
    std::set<int64_t> prompts;
    for (int64_t row = 0; row < ids.size(0); ++row) prompts.insert(ids[row].item<int64_t>());
    return prompts;
  };
  EXPECT_EQ(probed(0), probed(0));
  EXPECT_NE(probed(0), probed(1));
  EXPECT_GT(*probed(0).rbegin(), 20);  // not only the first
}

}  // namespace
}  // namespace mpq
