// One prompt says nothing of the spread: its standard errors are unknown, in tables, files, gates
// and curves.
#include <gmock/gmock.h>

#include "mpq/core/json_file.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string task_of(const TemporaryFolder& folder, int prompts) {
  std::string lines;
  for (int i = 0; i < prompts; ++i)
    lines += R"({"prompt": "Once upon a time, there were )" + std::to_string(i) +
             R"( little girls who liked to play."})" + "\n";
  const std::string path = folder.file("task.jsonl");
  write_text_file(path, lines);
  return path;
}

TEST(OnePrompt, TablesAndFilesHaveNoErrorOfIt) {
  const TemporaryFolder folder;
  const ProgramResult eval =
      run_mpq({"eval", "--model", small_model(), "--reference", small_model(), "--task",
               task_of(folder, 1), "--out", folder.file("report.json")});
  EXPECT_EQ(eval.status, 0) << eval.err;
  EXPECT_THAT(eval.out, HasSubstr("+- -"));
  EXPECT_THAT(eval.out, Not(HasSubstr("nan")));
  const Json divergence =
      read_json_file(folder.file("report.json")).at("result").at("task_divergence");
  for (const char* name : {"median_stderr", "p99_stderr", "p999_stderr", "max_stderr"})
    EXPECT_TRUE(divergence.at(name).is_null()) << name;
}

TEST(OnePrompt, IsEnoughForAGate) {
  const TemporaryFolder folder;
  const ProgramResult diff = run_mpq(
      {"diff", small_model(), small_model(), "--task", task_of(folder, 1), "--max-kl", "0.01"});
  EXPECT_EQ(diff.status, 0) << diff.err;
  EXPECT_THAT(diff.out, Not(HasSubstr("nan")));
}

TEST(OnePrompt, VerifiesEveryPlanOfACurve) {
  const TemporaryFolder folder;
  const std::string work = folder.file("work");
  run_json({"calibrate", "--model", small_model(), "--task", task_of(folder, 5), "--holdout", "0.1",
            "--text-windows", "4", "--text-window-tokens", "64", "--work", work});
  const Json curve = run_json({"allocate", "--budget", "4:5:1", "--scorer", "mse", "--work", work,
                               "--out", folder.file("plan.json")});
  ASSERT_EQ(curve["plans"].size(), 2U);
  for (const auto& plan : curve["plans"]) {
    EXPECT_EQ(plan["verified"]["prompts"], 1);
    EXPECT_TRUE(plan["verified"]["plan"]["kl_stderr"].is_null());
  }
}

/// The uniform plan leaves a part of its budget, so that exchanges surely help where it can be
/// told.
TEST(OnePrompt, ProvesNoExchangeHelpful) {
  const auto rounds = [](int prompts) {
    const TemporaryFolder folder;
    const std::string work = folder.file("work");
    run_json({"calibrate", "--model", small_model(), "--task", task_of(folder, prompts),
              "--holdout", "0", "--text-windows", "0", "--work", work});
    const Json summary = run_json({"allocate", "--budget", "4", "--allocator", "uniform",
                                   "--quantizer", "rtn:sym", "--refine", "2", "--no-verify",
                                   "--work", work, "--out", folder.file("plan.json")});
    return summary.at("plans").at(0).at("refined").at("rounds");
  };
  const Json one = rounds(1);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_GT(one[0]["tried"], 4);
  EXPECT_EQ(one[0]["helpful"], 0);
  EXPECT_FALSE(one[0].contains("gain"));
  EXPECT_GT(rounds(8)[0]["helpful"], 0);
}

}  // namespace
}  // namespace mpq
