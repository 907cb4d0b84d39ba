// Outputs that would take the place of the source, names that are not UTF-8, links and pipes.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "mpq/core/hash.h"
#include "mpq/core/json_file.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

class Paths : public testing::Test {
 protected:
  Paths() : task_(write_task(folder_)), model_(folder_.file("models/m")) { copy_model(model_); }

  /// Calibrated and allocated: the plan.
  std::string plan_of(const std::string& model, const std::string& work) const {
    const auto calibrated =
        run_mpq({"calibrate", "--model", model, "--task", task_, "--work", work, "--text-windows",
                 "4", "--text-window-tokens", "64", "--quiet"});
    EXPECT_EQ(calibrated.status, 0) << calibrated.err;
    const std::string plan = work + "/plan.json";
    const auto allocated =
        run_mpq({"allocate", "--budget", "5", "--work", work, "--scorer", "mse", "--quantizer",
                 "rtn:sym", "--no-verify", "--out", plan, "--quiet"});
    EXPECT_EQ(allocated.status, 0) << allocated.err;
    return plan;
  }
  ProgramResult quantize(const std::string& plan, const std::string& work,
                         const std::string& out) const {
    return run_mpq(
        {"quantize", "--plan", plan, "--work", work, "--out", out, "--overwrite", "--quiet"});
  }
  std::string weights_hash() const { return sha256_of_file(model_ + "/model.safetensors"); }

  TemporaryFolder folder_;
  std::string task_, model_;
};

TEST_F(Paths, TheSourceIsNeverReplaced) {
  const std::string work = folder_.file("work"), plan = plan_of(model_, work);
  const std::string before = weights_hash();
  fs::create_directory_symlink(model_, folder_.file("link"));
  fs::create_directory(model_ + "/original");
  std::ofstream(model_ + "/original/notes.txt") << "mine";
  for (const std::string& out : {model_, model_ + "/", folder_.file("link"), folder_.file("models"),
                                 folder_.path(), model_ + "/original", work}) {
    const ProgramResult result = quantize(plan, work, out);
    EXPECT_EQ(result.status, 2) << out << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("would replace")) << out;
    EXPECT_EQ(weights_hash(), before) << out;
    EXPECT_TRUE(fs::exists(model_ + "/original/notes.txt")) << out;
    EXPECT_TRUE(fs::exists(work + "/manifest.json")) << out;
  }
  const ProgramResult run =
      run_mpq({"run", "--model", model_, "--task", task_, "--budget", "5", "--work",
               folder_.file("unused"), "--out", model_, "--overwrite", "--quiet"});
  EXPECT_EQ(run.status, 2) << run.err;
  EXPECT_EQ(weights_hash(), before);
  EXPECT_FALSE(fs::exists(folder_.file("unused"))) << "refused only after work";
  const ProgramResult inside = quantize(plan, work, model_ + "/out");
  EXPECT_EQ(inside.status, 0) << inside.err;  // a new folder there harms nobody
}

TEST_F(Paths, WhatSomebodyPutInAnOutputsPlaceIsKept) {
  const std::string work = folder_.file("work"), plan = plan_of(model_, work);
  const std::string out = folder_.file("out"), weights = out + "/model.safetensors";
  const auto again = [&] {
    return run_mpq({"quantize", "--plan", plan, "--work", work, "--out", out, "--quiet"});
  };
  EXPECT_EQ(again().status, 0);
  const std::string whole = sha256_of_file(weights);
  fs::resize_file(weights, 7);
  EXPECT_EQ(again().status, 2);  // neither up to date nor as it was written
  EXPECT_EQ(quantize(plan, work, out).status, 0);
  EXPECT_EQ(sha256_of_file(weights), whole);
  fs::remove_all(out);
  fs::create_directory(out);
  std::ofstream(out + "/thesis.txt") << "mine";
  const ProgramResult refused = again();
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--overwrite"));
  EXPECT_TRUE(fs::exists(out + "/thesis.txt"));
}

TEST_F(Paths, TheTaskIsNeverReplaced) {
  const std::string tasks = folder_.file("tasks-\xE9"), work = folder_.file("work");
  fs::create_directory(tasks);
  fs::rename(task_, tasks + "/task.jsonl");
  const fs::path before = fs::current_path();
  fs::current_path(tasks);
  task_ = "task.jsonl";  // as it is typed there
  const std::string plan = plan_of(model_, work);
  fs::current_path(before);
  const ProgramResult result = quantize(plan, work, tasks);
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_TRUE(fs::exists(tasks + "/task.jsonl"));
}

TEST_F(Paths, NamesThatAreNotUtf8) {
  const std::string model = folder_.file("latin-\xE9-\xFF"), work = folder_.file("work-\xE9");
  copy_model(model);
  const std::string plan = plan_of(model, work);
  const ProgramResult result = quantize(plan, work, folder_.file("out-\xE8"));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder_.file("out-\xE8/model.safetensors")));
  const ProgramResult checked = run_mpq({"check", folder_.file("out-\xE8"), "--json", "--quiet"});
  EXPECT_EQ(checked.status, 0) << checked.err;
}

TEST_F(Paths, OutAtALinkOrAPipe) {
  const auto tokenize_to = [&](const std::string& out) {
    return run_mpq({"eval", "--model", model_, "--reference", model_, "--task", task_, "--out", out,
                    "--quiet"});
  };
  const std::ofstream target(folder_.file("target.json"));
  fs::create_symlink("target.json", folder_.file("link.json"));
  ASSERT_EQ(tokenize_to(folder_.file("link.json")).status, 0);
  EXPECT_TRUE(fs::is_symlink(folder_.file("link.json")));
  EXPECT_GT(fs::file_size(folder_.file("target.json")), 10U);
  const std::string pipe = folder_.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] { received = read_text_file(pipe); });
  const ProgramResult result = tokenize_to(pipe);
  if (!fs::is_fifo(pipe)) {  // replaced: nobody will ever write to it
    reader.detach();
    FAIL() << "the pipe was replaced";
  }
  reader.join();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(Json::parse(received).is_object());
}

}  // namespace
}  // namespace mpq
