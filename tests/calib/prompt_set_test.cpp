// What is kept of long prompts, which text is used, and which prompts are probed.
#include "mpq/calib/prompt_set.h"

#include <gtest/gtest.h>

#include <set>

#include "mpq/calib/sequence_group.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

TEST(PromptSet, ALongPromptKeepsItsBosAndItsEnd) {
  TaskPrompt prompt;
  prompt.source = "t:1";
  prompt.prompt = "abcdefgh";
  const auto cut = tokenize_prompts({prompt}, ByteTokenizer(), "/nowhere", 4);
  EXPECT_EQ(cut.front().tokens, (TokenSequence{1, 'f', 'g', 'h'}));
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
