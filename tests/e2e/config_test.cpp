// Configuration files: what they say counts, and the command line wins.
#include <gmock/gmock.h>

#include <fstream>

#include "mpq/core/json_file.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    const ProgramResult calibrated = run_mpq({"calibrate", "--model", small_model(), "--task",
                                              write_task(folder_), "--work", work_, "--quiet"});
    EXPECT_EQ(calibrated.status, 0) << calibrated.err;
  }
  std::string config(const std::string& json) const {
    std::ofstream(folder_.file("config.json")) << json;
    return folder_.file("config.json");
  }
  /// A dry run of `allocate`; null where it fails.
  Json described(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "allocate");
    arguments.insert(arguments.end(), {"--work", work_, "--dry-run", "--json", "--quiet"});
    const ProgramResult result = run_mpq(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.status == 0 ? Json::parse(result.out) : Json();
  }

  TemporaryFolder folder_;
  std::string work_ = folder_.file("work");
};

TEST_F(ConfigFile, MayBeJoinedToItsOption) {
  const std::string path = config(R"({"scorer": "grad", "budget": "4"})");
  EXPECT_EQ(described({"--config=" + path}).at("scorer"),
            described({"--config", path}).at("scorer"));
  EXPECT_EQ(run_mpq({"allocate", "--work", work_, "--config=" + path + "x", "--dry-run"}).status,
            3);
}

TEST_F(ConfigFile, BooleansReachFlagsAndValues) {
  const std::string together = config(R"({"budget": 4, "fuse": true, "no-verify": false})");
  const int64_t fused = described({"--config", together}).at("units");
  const std::string apart =
      config(R"({"budget": 4, "fuse": false, "target": "mpq", "no-verify": true})");
  EXPECT_GT(described({"--config", apart}).at("units").get<int64_t>(), fused);
}

TEST_F(ConfigFile, TheCommandLineWins) {
  const std::string path = config(R"({"scorer": "grad", "budget": "4"})");
  EXPECT_THAT(described({"--config", path, "--scorer", "mse"}).at("scorer").get<std::string>(),
              testing::StartsWith("mse"));
  described({"--config", path, "--target-size", "1MiB"});  // instead of the file's budget
}

TEST_F(ConfigFile, WidthsOfAPaletteMayStandTogether) {
  const Json apart = described({"--budget", "4", "--palette", "2;3;4;8"});
  EXPECT_EQ(described({"--budget", "4", "--palette", "2,3,4,8"}).at("candidates"),
            apart.at("candidates"));
}

TEST_F(ConfigFile, ADryRunCountsTheLocalErrorsOfARank) {
  EXPECT_GT(described({"--budget", "4", "--scorer", "taq"}).at("quantizations"), 0);
}

TEST_F(ConfigFile, ADryRunSaysWhatARunWouldTake) {
  for (const char* scorer : {"auto", "taqo", "grad", "grad:draws=4", "taq"}) {
    const ProgramResult result =
        run_mpq({"run", "--model", small_model(), "--task", write_task(folder_), "--work", work_,
                 "--out", folder_.file("out"), "--budget", "4", "--scorer", scorer, "--dry-run",
                 "--json", "--quiet"});
    ASSERT_EQ(result.status, 0) << result.err;
    const Json estimate = Json::parse(result.out).at("estimate");
    EXPECT_EQ(estimate.at("seconds").size(), 4U);
    EXPECT_GT(estimate.at("seconds").at("score"), 0);
    EXPECT_GT(estimate.at("peak_bytes"), 100'000'000);
  }
}

TEST_F(ConfigFile, ADryRunOfAReportNamesThePage) {
  const std::string plan = folder_.file("plan.json"), page = folder_.file("page.html");
  ASSERT_EQ(run_mpq({"allocate", "--work", work_, "--scorer", "mse", "--budget", "4", "--no-verify",
                     "--out", plan, "--quiet"})
                .status,
            0);
  const ProgramResult result =
      run_mpq({"report", "--work", work_, "--plan", plan, "--out", page, "--dry-run", "--quiet"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, testing::HasSubstr(page));
}

TEST_F(ConfigFile, APlanOfAnotherTaskIsNotQuantized) {
  const std::string plan = folder_.file("plan.json");
  ASSERT_EQ(run_mpq({"allocate", "--work", work_, "--scorer", "mse", "--budget", "4", "--no-verify",
                     "--out", plan, "--quiet"})
                .status,
            0);
  const std::string other = folder_.file("other.jsonl");
  std::ofstream(other) << R"({"prompt": "Once upon a time there was a girl"})"
                       << "\n"
                       << R"({"prompt": "The dog ran to the park and"})"
                       << "\n";
  const std::string other_work = folder_.file("other-work");
  ASSERT_EQ(run_mpq({"calibrate", "--model", small_model(), "--task", other, "--holdout", "0",
                     "--work", other_work, "--quiet"})
                .status,
            0);
  const ProgramResult result = run_mpq(
      {"quantize", "--plan", plan, "--work", other_work, "--out", folder_.file("out"), "--quiet"});
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_THAT(result.err, testing::HasSubstr("made for another task or model"));
}

TEST_F(ConfigFile, RunMakesOneCheckpoint) {
  const ProgramResult result =
      run_mpq({"run", "--model", small_model(), "--task", write_task(folder_), "--work", work_,
               "--out", folder_.file("out"), "--budget", "3:4:0.5", "--quiet"});
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_THAT(result.err, testing::HasSubstr("give one --budget"));
}

}  // namespace
}  // namespace mpq
