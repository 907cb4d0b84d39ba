// Nothing old serves for inputs that changed, and nothing is lost where two runs share a folder.
#include <gmock/gmock.h>

#include <filesystem>
#include <thread>

#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class StaleResults : public testing::Test {
 protected:
  StaleResults() { copy_model(model_); }

  Json run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--work", folder_.file("work")});
    return run_json(arguments);
  }
  /// Whether a calibration of the model as it is now was there already.
  bool calibrated() const {
    const Json summary =
        run({"calibrate", "--model", model_, "--task", task_, "--text-windows", "4"});
    return summary.value("skipped", false);
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("model");
  std::string task_ = write_task(folder_);
};

TEST_F(StaleResults, ACalibrationIsOfEveryFileThatItReads) {
  EXPECT_FALSE(calibrated());
  EXPECT_TRUE(calibrated());
  for (const char* name : {"tokenizer_config.json", "generation_config.json", "config.json"}) {
    const std::string path = model_ + "/" + name;
    write_text_file(path, read_text_file(path) + "\n");
    EXPECT_FALSE(calibrated()) << name;
  }
  write_text_file(model_ + "/chat_template.jinja", "{{ messages[0].content }}");
  EXPECT_FALSE(calibrated());
  fs::create_directory(model_ + "/additional_chat_templates");
  write_text_file(model_ + "/additional_chat_templates/tool_use.jinja", "{{ messages }}");
  EXPECT_FALSE(calibrated());
  EXPECT_TRUE(calibrated());
}

TEST_F(StaleResults, SizeAndTimeDoNotTellThatAFileIsTheSame) {
  EXPECT_FALSE(calibrated());
  for (const std::string& path : {model_ + "/model.safetensors", task_}) {
    const auto time = fs::last_write_time(path);
    std::string bytes = read_text_file(path);
    char& last = bytes[bytes.size() - 8];
    last = last == 'a' ? 'b' : 'a';  // of a weight, or of the last prompt
    write_text_file(path, bytes);
    fs::last_write_time(path, time);
    EXPECT_FALSE(calibrated()) << path;
  }
}

TEST_F(StaleResults, TwoRunsInOneFolderLoseNoRecord) {
  EXPECT_FALSE(calibrated());
  std::vector<ProgramResult> results(2);
  std::vector<std::thread> runs;
  for (size_t i = 0; i < results.size(); ++i) {
    runs.emplace_back([&, i] {
      results[i] = run_mpq({"allocate", "--budget", i == 0 ? "4" : "5", "--scorer", "mse",
                            "--no-verify", "--work", folder_.file("work"), "--out",
                            folder_.file("plan-" + std::to_string(i) + ".json"), "--quiet"});
    });
  }
  for (auto& thread : runs) thread.join();
  for (const auto& result : results) EXPECT_EQ(result.status, 0) << result.err;
  const std::string manifest = read_text_file(folder_.file("work/manifest.json"));
  EXPECT_THAT(manifest, HasSubstr("plan-0.json"));
  EXPECT_THAT(manifest, HasSubstr("plan-1.json"));
}

TEST_F(StaleResults, WhatIsWrittenAtFullPrecisionBreaksNoBudget) {
  EXPECT_FALSE(calibrated());
  const std::string plan = folder_.file("plan.json");
  run({"allocate", "--budget", "4", "--scorer", "mse", "--no-verify", "--out", plan});
  const ProgramResult dense = run_mpq({"quantize", "--plan", plan, "--format", "dense", "--work",
                                       folder_.file("work"), "--out", folder_.file("out")});
  EXPECT_EQ(dense.status, 0) << dense.err;
  EXPECT_THAT(dense.err, Not(HasSubstr("budget")));
}

}  // namespace
}  // namespace mpq
