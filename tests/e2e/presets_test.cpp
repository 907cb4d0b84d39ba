// Every preset in configs/ is understood: parsed by `run`, and its scoring described by `allocate`.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "mpq/core/json_file.h"
#include "mpq/core/spec.h"
#include "tests/e2e/program.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

std::vector<std::string> presets() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(source_path("configs")))
    names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Presets : public testing::TestWithParam<std::string> {};

TEST_P(Presets, DryRun) {
  const TemporaryFolder folder;
  const std::string task = write_task(folder);
  const std::string work = folder.file("work");
  const std::string config = source_path("configs/" + GetParam()) + ".json";
  const ProgramResult calibrated =
      run_mpq({"calibrate", "--model", small_model(), "--task", task, "--work", work, "--quiet"});
  ASSERT_EQ(calibrated.status, 0) << calibrated.err;
  const ProgramResult result =
      run_mpq({"run", "--config", config, "--model", small_model(), "--task", task, "--work", work,
               // The presets' budgets are for models whose rows are longer than a group.
               "--budget", "9", "--out", folder.file("out"), "--dry-run", "--json", "--quiet"});
  ASSERT_EQ(result.status, 0) << result.err;
  const Json scoring = Json::parse(result.out).at("allocate");
  const Json options = read_json_file(config);
  EXPECT_EQ(scoring.at("scorer").get<std::string>().rfind(
                parse_spec(options.at("scorer").get<std::string>()).name, 0),
            0U);
  EXPECT_GT(scoring.at("candidates"), scoring.at("units"));
  EXPECT_FALSE(fs::exists(folder.file("out")));
}

INSTANTIATE_TEST_SUITE_P(Configs, Presets, testing::ValuesIn(presets()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Presets, ThePapersAndOurOwnAreThere) {
  const auto names = presets();
  for (const char* name : {"taq", "taq-kl", "taqo", "taq-v1", "best-4bit", "best-3bit", "fast"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
}

}  // namespace
}  // namespace mpq
