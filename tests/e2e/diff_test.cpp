// The regression gate: green for an unchanged checkpoint, red for a damaged one.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Gate : public testing::Test {
 protected:
  Gate() {
    const std::string work = folder_.file("work");
    const auto run = [](const std::vector<std::string>& arguments) {
      const ProgramResult result = run_mpq(arguments);
      EXPECT_EQ(result.status, 0) << result.err;
    };
    run({"calibrate", "--model", small_model(), "--task", task_, "--work", work});
    run({"allocate", "--budget", "5", "--scorer", "mse", "--no-verify", "--work", work, "--out",
         folder_.file("plan.json")});
    run({"quantize", "--plan", folder_.file("plan.json"), "--work", work, "--out", good_});
  }

  /// A copy whose scales of block 2 are doubled.
  std::string damaged() const {
    const std::string bad = folder_.file("bad");
    fs::copy(good_, bad);
    std::map<std::string, at::Tensor> tensors;
    std::map<std::string, std::string> metadata;
    {
      const SafetensorsFile file(good_ + "/model.safetensors");
      metadata = file.metadata();
      for (const auto& [name, entry] : file.tensors()) {
        const bool scale = name.find("layers.2.") != std::string::npos &&
                           name.find("weight_scale") != std::string::npos;
        tensors[name] = scale ? file.tensor(name) * 2 : file.tensor(name).clone();
      }
    }
    save_tensors(bad + "/model.safetensors", tensors, metadata);
    return bad;
  }

  static ProgramResult gate(const std::string& first, const std::string& second,
                            const std::vector<std::string>& limits) {
    std::vector<std::string> words{"diff", first, second, "--json", "--quiet"};
    words.insert(words.end(), limits.begin(), limits.end());
    return run_mpq(words);
  }

  TemporaryFolder folder_;
  std::string task_ = write_task(folder_);
  std::string good_ = folder_.file("good");
};

TEST_F(Gate, AnUnchangedCheckpointStaysGreenAndADamagedOneTurnsRed) {
  const std::vector<std::string> limits{"--task", task_, "--max-kl", "0.01", "--max-bytes", "1MiB"};
  const ProgramResult green = gate(good_, good_, limits);
  EXPECT_EQ(green.status, 0) << green.err;
  const Json unchanged = Json::parse(green.out);
  EXPECT_EQ(unchanged["metrics"]["task_kl"]["change"], 0.0);
  EXPECT_TRUE(unchanged["changed_bits"].empty());
  ASSERT_EQ(unchanged["gates"].size(), 2U);
  const ProgramResult red = gate(good_, damaged(), limits);
  EXPECT_EQ(red.status, 7) << red.err;
  const Json failed = Json::parse(red.out)["gates"];
  EXPECT_EQ(failed[0]["gate"], "max-kl");
  EXPECT_FALSE(failed[0]["holds"].get<bool>());
  EXPECT_TRUE(failed[1]["holds"].get<bool>());
}

TEST_F(Gate, ReportsArePairedByPrompt) {
  const std::string bad = damaged();
  for (const auto& [model, name] : {std::pair(good_, "a.json"), std::pair(bad, "b.json")}) {
    const ProgramResult result =
        run_mpq({"eval", "--model", model, "--reference", small_model(), "--task", task_, "--out",
                 folder_.file(name), "--work", folder_.file("work")});
    ASSERT_EQ(result.status, 0) << result.err;
  }
  const ProgramResult same =
      gate(folder_.file("a.json"), folder_.file("a.json"), {"--max-kl", "0"});
  EXPECT_EQ(same.status, 0) << same.err;
  const ProgramResult red =
      gate(folder_.file("a.json"), folder_.file("b.json"), {"--max-kl", "0.01"});
  EXPECT_EQ(red.status, 7) << red.err;
  const Json kl = Json::parse(red.out)["metrics"]["task_kl"];
  EXPECT_TRUE(kl["paired"].get<bool>());
  EXPECT_GT(kl["change"], 0.01);
  EXPECT_LT(kl["sign_test_p"], 0.001);  // 16 prompts, all worse
  // The other way round it is an improvement.
  EXPECT_EQ(gate(folder_.file("b.json"), folder_.file("a.json"), {"--max-kl", "0.01"}).status, 0);
}

TEST_F(Gate, ABudgetOfBytesIsHeld) {
  EXPECT_EQ(gate(good_, good_, {"--max-bytes", "10KiB"}).status, 7);
  EXPECT_EQ(gate(good_, good_, {"--max-bytes", "10MiB"}).status, 0);
}

TEST_F(Gate, WhatCannotBeJudgedIsAUsageError) {
  const ProgramResult nothing = gate(good_, good_, {"--max-kl", "0.1"});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_THAT(nothing.err, testing::HasSubstr("give --task or --text"));
  EXPECT_EQ(gate(good_, good_, {"--task", task_, "--max-drop", "1"}).status, 2);
  EXPECT_EQ(gate(good_, task_, {}).status, 2);
  EXPECT_EQ(gate(good_, folder_.file("none"), {}).status, 3);
  for (const char* text : {"[]", R"({"result": 3})", R"({"result": {"f1": {"mean": "x"}}})",
                           R"({"comparison": {"rows": [3]}})", "{"}) {
    const std::string broken = folder_.file("broken.json");
    write_text_file(broken, text);
    const ProgramResult result = gate(broken, broken, {});
    EXPECT_EQ(result.status, 4) << text << result.err;
    EXPECT_THAT(result.err, testing::HasSubstr("broken.json"));
  }
}

/// Plans lie beside the weights; nothing is measured.
TEST(Diff, CountsBothWidthsOfAHybrid) {
  const TemporaryFolder folder;
  const auto checkpoint = [&](const std::string& name, const std::string& spec) {
    const std::string path = folder.file(name);
    copy_model(path);
    const Json unit = {{"name", "model.layers.0.down"},
                       {"modules", Json::array({"model.layers.0.mlp.down_proj"})},
                       {"spec", spec}};
    write_json_file(path + "/plan.json",
                    {{"schema", "mpq-plan/1"}, {"units", Json::array({unit})}});
    return path;
  };
  const Json result = run_json({"diff", checkpoint("first", "rtn:bits=2"),
                                checkpoint("second", "hir:bits=2,high=4,ratio=0.3")});
  const Json changed = result.at("changed_bits");
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0]["first"], 2);
  EXPECT_DOUBLE_EQ(changed[0]["second"].get<double>(), 2.6);
}

}  // namespace
}  // namespace mpq
