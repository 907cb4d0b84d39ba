// The three commands as a user types them, on a small trained model.
#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/core/json_file.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Stages : public testing::Test {
 protected:
  Json run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--work", folder_.file("work")});
    return run_json(std::move(arguments));
  }

  Json calibrate() const {
    return run({"calibrate", "--model", small_model(), "--task", task_, "--text-windows", "8",
                "--text-window-tokens", "64"});
  }

  Json allocate(const std::string& budget) const {
    return run({"allocate", "--budget", budget, "--out", folder_.file("plan.json")});
  }

  TemporaryFolder folder_;
  std::string task_ = write_task(folder_);
};

TEST_F(Stages, CalibrateAllocateQuantizeCheckEval) {
  calibrate();
  const Json plan = allocate("4.5")["plans"][0];
  const double bits = plan["achieved"]["effective_bits"];
  EXPECT_LE(bits, 4.5);
  EXPECT_GE(bits, 4.46);  // the uniform plan takes so many: on two held-out prompts either is kept
  EXPECT_GT(plan["verified"]["prompts"], 0);
  const std::string out = folder_.file("out");
  const Json quantized = run({"quantize", "--plan", folder_.file("plan.json"), "--out", out});
  EXPECT_EQ(quantized["file_bytes"].get<uint64_t>(), fs::file_size(out + "/model.safetensors"));
  for (const char* name : {"config.json", "tokenizer.json", "generation_config.json", "plan.json"})
    EXPECT_TRUE(fs::exists(out + "/" + name)) << name;
  EXPECT_TRUE(run({"check", out, "--target", "transformers"})["faults"].empty());
  const Json eval = run({"eval", "--model", out, "--reference", small_model(), "--task", task_});
  EXPECT_GT(eval["result"]["task_divergence"]["kl"]["mean"], 0);
}

TEST_F(Stages, HybridsAreWrittenInTheNativeFormatAndReadBack) {
  calibrate();
  const std::string plan = folder_.file("plan.json");
  const Json allocated =
      run({"allocate", "--scorer", "hir:tokens=128", "--allocator", "qp", "--palette",
           "hir:bits=2,high=4,ratio=0.05,iterations=5;hir:bits=2,high=4,ratio=0.3,iterations=5",
           "--format", "mpq", "--target", "mpq", "--budget", "4.2", "--no-verify", "--out", plan});
  EXPECT_LE(allocated["plans"][0]["achieved"]["effective_bits"], 4.2);
  const std::string out = folder_.file("out");
  const Json quantized = run({"quantize", "--plan", plan, "--out", out});
  EXPECT_EQ(quantized["format"], "mpq");
  EXPECT_EQ(quantized["file_bytes"].get<uint64_t>(), fs::file_size(out + "/model.safetensors"));
  EXPECT_TRUE(run({"check", out})["faults"].empty());
  const Json eval = run({"eval", "--model", out, "--reference", small_model(), "--task", task_});
  EXPECT_GT(eval["result"]["task_divergence"]["kl"]["mean"], 0);
}

TEST_F(Stages, UnchangedStagesAreSkippedAndBytesAreTheSame) {
  calibrate();
  allocate("4.5");
  const std::string first = folder_.file("first");
  run({"quantize", "--plan", folder_.file("plan.json"), "--out", first});
  EXPECT_TRUE(calibrate().contains("skipped"));
  EXPECT_TRUE(
      run({"quantize", "--plan", folder_.file("plan.json"), "--out", first}).contains("skipped"));
  // From nothing, in another work folder.
  fs::rename(folder_.file("work"), folder_.file("old-work"));
  calibrate();
  allocate("4.5");
  const std::string second = folder_.file("second");
  run({"quantize", "--plan", folder_.file("plan.json"), "--out", second});
  EXPECT_EQ(read_text_file(first + "/model.safetensors"),
            read_text_file(second + "/model.safetensors"));
}

TEST_F(Stages, AnotherPaletteMeasuresOnlyWhatIsNew) {
  const auto score = [&](const std::string& palette, const std::string& work) {
    const ProgramResult result = run_mpq({"score", "--scorer", "taqo", "--quantizer", "gptq:sym",
                                          "--palette", palette, "--work", work, "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  };
  calibrate();
  const std::string work = folder_.file("work");
  const std::string copy = folder_.file("copy");
  const auto expect_as_anew = [&](const std::string& palette, const ProgramResult& found) {
    fs::copy(folder_.file("calibrated"), copy, fs::copy_options::recursive);
    EXPECT_EQ(Json::parse(found.out)["units"], Json::parse(score(palette, copy).out)["units"]);
    fs::remove_all(copy);
  };
  fs::copy(work, folder_.file("calibrated"), fs::copy_options::recursive);
  score("3,4", work);
  const ProgramResult more = score("2,3,4", work);
  EXPECT_THAT(more.err, testing::HasSubstr("40 of 60 candidates were measured before"));
  EXPECT_THAT(more.err, testing::HasSubstr(", 20 quantizations"));
  expect_as_anew("2,3,4", more);
  const ProgramResult fewer = score("2,4", work);
  EXPECT_THAT(fewer.err, testing::HasSubstr("40 of 40 candidates were measured before"));
  expect_as_anew("2,4", fewer);
}

TEST_F(Stages, DryRunsWriteNothing) {
  run({"calibrate", "--model", small_model(), "--task", task_, "--dry-run"});
  EXPECT_FALSE(fs::exists(folder_.file("work")));
  calibrate();
  const Json scoring = run({"score", "--dry-run"});
  EXPECT_GT(scoring["products"], 0);
  EXPECT_GT(scoring["seconds"], 0);
  EXPECT_GT(scoring["peak_bytes"], 100'000'000);
  EXPECT_EQ(scoring["skipped"], false);
  EXPECT_FALSE(fs::exists(folder_.file("work/sensitivity-taqo.json")));
  allocate("4.5");
  const Json known = run({"score", "--dry-run"});
  EXPECT_EQ(known["skipped"], true);
  EXPECT_EQ(known["seconds"], 0);
  EXPECT_GT(run({"allocate", "--budget", "4", "--dry-run"})["seconds"], 0);  // to verify its plan
  const std::vector<std::string> quantize{"quantize", "--plan", folder_.file("plan.json"), "--out",
                                          folder_.file("out")};
  auto dry = quantize;
  dry.push_back("--dry-run");
  EXPECT_EQ(run(dry)["skipped"], false);
  run(quantize);
  EXPECT_EQ(run(dry)["skipped"], true);
}

TEST_F(Stages, ATamperedCheckpointFailsItsCheck) {
  calibrate();
  allocate("5");
  const std::string out = folder_.file("out");
  run({"quantize", "--plan", folder_.file("plan.json"), "--out", out});
  std::string bytes = read_text_file(out + "/model.safetensors");
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  write_text_file(out + "/model.safetensors", bytes);
  const ProgramResult result = run_mpq({"check", out});
  EXPECT_EQ(result.status, 7);
  EXPECT_THAT(result.out, testing::HasSubstr("changed or damaged"));
}

TEST_F(Stages, ACurveOfBudgetsFromOneScoring) {
  calibrate();
  const Json curve =
      run({"allocate", "--budget", "3:5:1", "--no-verify", "--out", folder_.file("p.json")});
  ASSERT_EQ(curve["plans"].size(), 3U);
  double last = 1e30;
  for (const auto& plan : curve["plans"]) {
    EXPECT_LE(plan["objective"]["predicted_loss"], last);
    last = plan["objective"]["predicted_loss"];
    EXPECT_TRUE(fs::exists(plan["plan"].get<std::string>()));
  }
}

TEST_F(Stages, RefinementKeepsTheBudgetAndSaysWhatItTried) {
  calibrate();
  const Json plan = run({"allocate", "--budget", "4", "--refine", "2", "--out",
                         folder_.file("plan.json")})["plans"][0];
  EXPECT_LE(plan["achieved"]["effective_bits"], 4);
  const Json rounds = plan["refined"]["rounds"];
  ASSERT_GE(rounds.size(), 1U);
  EXPECT_GT(rounds[0]["tried"], 4);
  EXPECT_GT(rounds[0]["measured"], 0);
  EXPECT_TRUE(rounds[0]["rank_correlation"].is_number());
  for (size_t i = 1; i < rounds.size(); ++i)
    EXPECT_LT(rounds[i]["measured"], rounds[i - 1]["measured"]);
}

/// Metadata do not count, so that the units' bytes say nothing of this budget.
TEST_F(Stages, RefinementKeepsABudgetOfCodes) {
  calibrate();
  const Json plan =
      run({"allocate", "--budget", "4", "--budget-counts", "codes", "--refine", "3", "--palette",
           "rtn:bits=3,group=4,sym;rtn:bits=4,group=4,sym;rtn:bits=5,group=0,sym;"
           "rtn:bits=6,group=0,sym",
           "--scorer", "mse", "--no-verify", "--out", folder_.file("plan.json")})["plans"][0];
  ASSERT_GE(plan["refined"]["rounds"].size(), 1U);
  EXPECT_GE(plan["objective"]["gap"], -1e-9);
}

TEST_F(Stages, TheCurveHasItsPredictionsAndTheirTest) {
  calibrate();
  const Json curve = run({"allocate", "--budget", "3:5:1", "--max-general-kl", "1e-9", "--out",
                          folder_.file("p.json")});
  EXPECT_EQ(curve["additivity"]["plans"], 6);
  EXPECT_GT(curve["additivity"]["rank_correlation"], 0.8);
  const Json file = read_json_file(folder_.file("work/curve.json"));
  EXPECT_EQ(file["plans"], curve["plans"]);
  double last = 1e30;
  for (const auto& point : file["predicted"]) {
    EXPECT_LE(point["loss"], last);
    last = point["loss"];
  }
  for (const auto& plan : curve["plans"]) {
    const Json& general = plan["verified"]["general_text"];
    const bool gains = plan["verified"]["plan"]["kl"] < plan["verified"]["uniform"]["kl"];
    EXPECT_EQ(general["marked"].get<bool>(), gains && general["excess"] > 1e-9);
  }
}

TEST_F(Stages, ReferenceStatesAreKeptAndChangeNothing) {
  calibrate();
  const std::string out = folder_.file("eval.json");
  const auto eval = [&] {
    return run({"eval", "--model", small_model(), "--reference", small_model(), "--task", task_,
                "--dtype", "float32"});
  };
  const Json first = eval();
  ASSERT_FALSE(fs::is_empty(folder_.file("work/reference")));
  const Json second = eval();
  EXPECT_EQ(first, second);
  EXPECT_EQ(first["result"]["task_divergence"]["kl"]["mean"], 0.0);
}

TEST_F(Stages, ATargetSizeIsNeverExceeded) {
  calibrate();
  const Json plan = run({"allocate", "--target-size", "340KB", "--no-verify", "--out",
                         folder_.file("plan.json")})["plans"][0];
  run({"quantize", "--plan", folder_.file("plan.json"), "--out", folder_.file("out")});
  EXPECT_LE(fs::file_size(folder_.file("out") + "/model.safetensors"), 340000U);
  EXPECT_EQ(plan["achieved"]["file_bytes"].get<uint64_t>(),
            fs::file_size(folder_.file("out") + "/model.safetensors"));
}

/// The embedding, which is the head too, is a unit where the format holds it; rows that a type's
/// blocks do not divide take another type. The file is read back, alone too.
TEST_F(Stages, AGgufFileOfASizeHasItsEmbeddingChosenToo) {
  calibrate();
  const std::string plan_path = folder_.file("plan.json"), out = folder_.file("out");
  const Json plan = run({"allocate", "--target-size", "420KB", "--format", "gguf", "--palette",
                         "q3_k,q4_0,q8_0,16", "--no-verify", "--out", plan_path})["plans"][0];
  const Json units = read_json_file(plan_path).at("units");
  EXPECT_EQ(units.back().at("modules"), Json::array({"model.embed_tokens"}));
  EXPECT_GT(units.back().at("loss").get<double>(), 0);
  run({"quantize", "--plan", plan_path, "--out", out});
  const std::string file = out + "/model.gguf";
  EXPECT_LE(fs::file_size(file), 420000U);
  EXPECT_EQ(plan["achieved"]["file_bytes"].get<uint64_t>(), fs::file_size(file));
  EXPECT_TRUE(run({"check", out, "--target", "gguf"})["faults"].empty());
  const auto eval = [&](const std::string& model) {
    return run({"eval", "--model", model, "--reference", small_model(), "--task",
                task_})["result"]["task_divergence"]["kl"]["mean"]
        .get<double>();
  };
  const double kl = eval(out);
  EXPECT_GT(kl, 0);
  fs::copy_file(file, folder_.file("alone.gguf"));
  EXPECT_NEAR(eval(folder_.file("alone.gguf")), kl, 1e-6 * kl);
}

TEST_F(Stages, MaxMemoryChangesNothingButPlace) {
  calibrate();
  const Json plain = run({"score"});
  fs::remove_all(folder_.file("work/scores"));
  const Json spilled = run({"score", "--max-memory", "64KiB"});
  EXPECT_EQ(plain["units"], spilled["units"]);
}

}  // namespace
}  // namespace mpq
