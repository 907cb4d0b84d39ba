// The members of a report that other commands read.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpq/eval/evaluate.h"

namespace mpq {
namespace {

TEST(EvalReport, HoldsEveryFigureWithItsError) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  EvalResult result;
  result.task_divergence =
      Divergence{{0.5, 0.1, 9}, 0.4, 1, 2, 3, 0.125, 0.25, 0.5, 1, {0.75, 0.05, 9}};
  result.exact_match = MeanWithError{1, 0, 1};
  result.text_nll = MeanWithError{std::log(8.0), 0.25, 100};
  result.prompt_kl = {0.25, 0.75};
  result.prompt_exact_match = {kNone, 1};
  result.prompt_f1 = {kNone, 1};
  result.generated = {"", "purple"};
  const Json json = to_json(result);
  EXPECT_EQ(
      json.at("task_divergence"),
      Json::parse(
          R"({"kl": {"mean": 0.5, "stderr": 0.1, "tokens": 9}, "median": 0.4, "median_stderr": 0.125,
                            "p99": 1.0, "p99_stderr": 0.25, "p999": 2.0, "p999_stderr": 0.5,
                            "max": 3.0, "max_stderr": 1.0,
                            "top1_agreement": {"mean": 0.75, "stderr": 0.05, "tokens": 9}})"));
  EXPECT_EQ(json.at("exact_match"), Json::parse(R"({"mean": 1.0, "stderr": 0.0, "prompts": 1})"));
  EXPECT_NEAR(json.at("perplexity").at("mean").get<double>(), 8, 1e-9);
  EXPECT_NEAR(json.at("perplexity").at("stderr").get<double>(), 2, 1e-9);
  EXPECT_NEAR(json.at("nll").at("stderr").get<double>(), 0.25, 1e-12);
  EXPECT_EQ(json.at("prompts"),
            Json::parse(R"([{"kl": 0.25}, {"kl": 0.75, "exact_match": 1.0, "f1": 1.0,
                                           "generated": "purple"}])"));
  EXPECT_FALSE(json.contains("text_divergence"));
  EXPECT_FALSE(json.contains("choice_accuracy"));
}

TEST(EvalReport, UnknownErrorsAreNull) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  EvalResult result;
  result.task_divergence =
      Divergence{{0.5, kNone, 9}, 0.4, 1, 2, 3, kNone, kNone, kNone, kNone, {0.75, kNone, 9}};
  result.text_nll = MeanWithError{1, kNone, 9};
  const Json json = to_json(result);
  const Json& task = json.at("task_divergence");
  for (const char* name : {"median_stderr", "p99_stderr", "p999_stderr", "max_stderr"})
    EXPECT_TRUE(task.at(name).is_null()) << name;
  for (const char* name : {"kl", "top1_agreement"})
    EXPECT_TRUE(task.at(name).at("stderr").is_null()) << name;
  for (const char* name : {"nll", "perplexity"})
    EXPECT_TRUE(json.at(name).at("stderr").is_null()) << name;
}

}  // namespace
}  // namespace mpq
