// SQuAD's normalisation and metrics on known cases.
#include "src/eval/answer_metrics.h"

#include <gmock/gmock.h>

#include "tests/eval/models.h"

namespace mpq {
namespace {

using testing::ElementsAre;

TEST(AnswerMetrics, EqualThePythonDefinitionOnTheGoldenTable) {
  const Json golden = read_json_file(source_path("tests/golden/eval/expected.json"));
  ASSERT_FALSE(golden.at("normalisation").empty());
  for (const auto& row : golden.at("normalisation")) {
    const auto answer = row.at("answer").get<std::string>();
    const auto gold = row.at("gold").get<std::vector<std::string>>();
    EXPECT_EQ(exact_match(answer, gold), row.at("em").get<double>()) << row.dump();
    EXPECT_NEAR(token_f1(answer, gold), row.at("f1").get<double>(), 1e-12) << row.dump();
  }
}

TEST(AnswerMetrics, WordsLoseCasePunctuationAndArticlesOnly) {
  EXPECT_THAT(answer_words("The  theatre, an Analysis\tof A."),
              ElementsAre("theatre", "analysis", "of"));
  EXPECT_THAT(answer_words("rock-n-roll"), ElementsAre("rocknroll"));
  EXPECT_THAT(answer_words("\xC3\x89"
                           "COLE"),
              ElementsAre("\xC3\xA9"
                          "cole"));
  // A quote that is not ASCII stays and ends a run of letters, so that the article beside it is
  // one.
  EXPECT_THAT(answer_words("l\xE2\x80\x99"
                           "an"),
              ElementsAre("l\xE2\x80\x99"));
  // A no-break space separates words.
  EXPECT_THAT(answer_words("a\xC2\xA0"
                           "b"),
              ElementsAre("b"));
}

TEST(AnswerMetrics, F1CountsRepeatedWordsOnceEach) {
  EXPECT_NEAR(token_f1("to be or not to be", {"to be"}), 0.5, 1e-12);
  EXPECT_NEAR(token_f1("in Paris, France", {"Lyon", "Paris"}), 0.5, 1e-12);
  EXPECT_EQ(token_f1("London", {"Paris"}), 0);
}

TEST(AnswerMetrics, TheAnswerIsTheFirstLine) {
  EXPECT_EQ(answer_of(" purple \nQuestion:"), "purple");
  EXPECT_EQ(answer_of("\n\n  purple"), "purple");
  EXPECT_EQ(answer_of(" \n "), "");
  EXPECT_FALSE(answer_is_complete(" purple"));
  EXPECT_FALSE(answer_is_complete("\n "));
  EXPECT_TRUE(answer_is_complete("\n purple\n"));
}

}  // namespace
}  // namespace mpq
