// What cannot be done is said before any work, and where it is.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Refusals : public testing::Test {
 protected:
  static std::vector<std::string> joined(std::vector<std::string> first,
                                         const std::vector<std::string>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  }

  ProgramResult with_work(const std::vector<std::string>& arguments) const {
    return run_mpq(joined(arguments, {"--work", folder_.file("work"), "--quiet"}));
  }

  void calibrate() const {
    const ProgramResult result = with_work({"calibrate", "--model", small_model(), "--task", task_,
                                            "--text-windows", "4", "--text-window-tokens", "64"});
    ASSERT_EQ(result.status, 0) << result.err;
  }

  /// A plan that is not verified, by local errors unless another scorer is named.
  ProgramResult allocate(const std::vector<std::string>& options,
                         const std::string& scorer = "mse") const {
    return with_work(joined({"allocate", "--scorer", scorer, "--quantizer", "rtn:sym",
                             "--no-verify", "--palette", "3,4,8,16", "--out", plan_},
                            options));
  }

  Json quantized(const std::vector<std::string>& options) const {
    return run_json(joined({"quantize", "--plan", plan_, "--work", folder_.file("work")}, options));
  }

  TemporaryFolder folder_;
  std::string task_ = write_task(folder_), plan_ = folder_.file("plan.json");
};

TEST_F(Refusals, RunChecksWhatLaterStagesNeedBeforeItWorks) {
  fs::create_directory(folder_.file("full"));
  write_text_file(folder_.file("full/notes.txt"), "mine");
  const std::vector<std::pair<std::vector<std::string>, int>> cases = {
      {{"--allocator", "mcpk"}, 2}, {{"--out", folder_.file("full")}, 2},
      {{"--out", task_}, 2},        {{"--eval-task", folder_.file("nothing")}, 3},
      {{"--limit", "-1"}, 2},       {{"--window", "1"}, 2},
      {{"--text-share", "2"}, 2},   {{"--budget", "0.5"}, 2},
      {{"--max-memory", "8X"}, 2},  {{"--format", "nope"}, 2},
      {{"--target", "nope"}, 2},    {{"--quantizer", "nope"}, 2},
      {{"--scorer", "nope"}, 2}};
  for (const auto& [options, status] : cases) {
    for (const char* dry : {"--quiet", "--dry-run"}) {
      std::vector<std::string> run = {
          "run",       "--model", small_model(), "--task", task_, "--work", folder_.file("unused"),
          "--palette", "3,4,8",   "--group",     "32",     dry};
      if (options.front() != "--budget") run = joined(run, {"--budget", "5"});
      if (options.front() != "--out") run = joined(run, {"--out", folder_.file("out")});
      const ProgramResult result = run_mpq(joined(run, options));
      EXPECT_EQ(result.status, status) << options.front() << " " << dry << ": " << result.err;
      EXPECT_FALSE(fs::exists(folder_.file("unused"))) << options.front() << " " << dry;
    }
  }
}

TEST_F(Refusals, AFileThatMpqDidNotMakeStays) {
  calibrate();
  ASSERT_EQ(allocate({"--budget", "6"}).status, 0);
  const std::string mine = folder_.file("mine.txt"), model = small_model();
  const std::vector<std::vector<std::string>> commands = {
      {"eval", "--model", model, "--reference", model, "--task", task_},
      {"logits", "--model", model, "--task", task_},
      {"report", "--plan", plan_},
      {"allocate", "--budget", "6", "--scorer", "mse", "--no-verify"}};
  for (const auto& command : commands) {
    write_text_file(mine, "mine");
    const ProgramResult result = with_work(joined(command, {"--out", mine}));
    EXPECT_EQ(result.status, 2) << command.front();
    EXPECT_THAT(result.err, HasSubstr("--overwrite")) << command.front();
    EXPECT_EQ(read_text_file(mine), "mine") << command.front();
    const ProgramResult forced = with_work(joined(command, {"--out", mine, "--overwrite"}));
    EXPECT_EQ(forced.status, 0) << command.front() << ": " << forced.err;
    EXPECT_NE(read_text_file(mine), "mine") << command.front();
    const ProgramResult again = with_work(joined(command, {"--out", mine}));
    EXPECT_EQ(again.status, 0) << command.front() << ": " << again.err;
  }
}

TEST_F(Refusals, ATemplateThatFailsNamesItsRecord) {
  const std::string model = folder_.file("model"), chats = folder_.file("chats.jsonl");
  copy_model(model);
  write_text_file(model + "/chat_template.jinja",
                  "{% if messages|length > 1 %}{{ raise_exception('one turn') }}{% endif %}"
                  "{{ messages[0].content }}");
  write_text_file(chats,
                  "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n"
                  "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, "
                  "{\"role\": \"user\", \"content\": \"b\"}]}\n");
  const ProgramResult result = run_mpq({"tokenize", "--model", model, "--task", chats, "--show"});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr("chats.jsonl:2: "), HasSubstr("one turn")));
}

TEST_F(Refusals, AMistypedOptionIsNamedWithTheOneThatWasMeant) {
  const ProgramResult typed = run_mpq({"tokenize", "--model", small_model(), "--tsak", task_});
  EXPECT_EQ(typed.status, 2);
  EXPECT_THAT(typed.err, AllOf(HasSubstr("unknown option \"--tsak\"; did you mean \"--task\"?"),
                               HasSubstr("`mpq tokenize --help`")));
  const std::string config = folder_.file("config.json");
  write_json_file(config, {{"modle", "x"}});
  EXPECT_THAT(run_mpq({"tokenize", "--config", config}).err, HasSubstr("did you mean \"model\"?"));
}

TEST_F(Refusals, NothingToMeasureIsAnError) {
  const std::string prompts = folder_.file("prompts.jsonl");
  write_text_file(prompts, "{\"prompt\": \"Once upon a time\"}\n");
  const ProgramResult result = run_mpq({"eval", "--model", small_model(), "--task", prompts});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("neither answers nor choices"));
}

TEST_F(Refusals, AFileWithoutRecordsIsAnError) {
  const std::string empty = folder_.file("empty.jsonl");
  write_text_file(empty, "\n");
  for (const char* command : {"calibrate", "eval", "tokenize"}) {
    std::vector<std::string> arguments = {command, "--model", small_model(), "--task", empty};
    if (std::string(command) == "tokenize") arguments.emplace_back("--show");
    const ProgramResult result = with_work(arguments);
    EXPECT_EQ(result.status, 2) << command;
    EXPECT_THAT(result.err, HasSubstr("hold no records")) << command;
  }
}

TEST_F(Refusals, ThreadsAreCounted) {
  const ProgramResult result = run_mpq({"list", "--threads", "-1"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("--threads: expected 0 or more, found -1"));
}

TEST_F(Refusals, ShowingCutsPromptsAsCalibratingDoes) {
  const Json shown = run_json(
      {"tokenize", "--model", small_model(), "--task", task_, "--show", "--max-tokens", "4"});
  for (const auto& prompt : shown) EXPECT_LE(prompt.at("tokens"), 4);
}

TEST_F(Refusals, AnotherFormatThanTheTargetsIsAFault) {
  calibrate();
  ASSERT_EQ(allocate({"--budget", "6", "--format", "mpq"}).status, 0);
  quantized({"--out", folder_.file("out")});
  const ProgramResult result = run_mpq({"check", folder_.file("out"), "--target", "vllm"});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.out + result.err,
              HasSubstr("is stored as mpq; vllm reads compressed-tensors"));
}

TEST_F(Refusals, LinearsThatAPlanDoesNotNameCountAtFullPrecision) {
  calibrate();
  ASSERT_EQ(allocate({"--budget", "6"}).status, 0);
  const Json plan = read_json_file(plan_);
  Json full = plan, without = plan;
  full["units"][0]["spec"] = "full";
  without["units"].erase(0);
  write_json_file(plan_, full);
  const std::vector<std::string> dry = {"--out", folder_.file("out"), "--dry-run"};
  const Json expected = quantized(dry);
  write_json_file(plan_, without);
  const Json found = quantized(dry);
  EXPECT_EQ(found.at("bytes"), expected.at("bytes"));
  EXPECT_EQ(found.at("effective_bits"), expected.at("effective_bits"));
}

TEST_F(Refusals, ABrokenBudgetOfAnyKindIsSaid) {
  calibrate();
  ASSERT_EQ(allocate({"--budget", "6"}).status, 0);
  for (const auto& [kind, value] :
       {std::pair{"effective_bits", 2.0}, {"code_bits", 2.0}, {"file_bytes", 1000.0}}) {
    Json plan = read_json_file(plan_);
    plan["budget"] = {{"kind", kind}, {"value", value}};
    write_json_file(plan_, plan);
    const ProgramResult result = run_mpq({"quantize", "--plan", plan_, "--out", folder_.file("out"),
                                          "--dry-run", "--work", folder_.file("work")});
    EXPECT_THAT(result.err, HasSubstr("budget is")) << kind;
  }
}

TEST_F(Refusals, AFileOfASizeIsMetByThatSize) {
  calibrate();
  const auto bytes_within = [&](int64_t size) {
    const ProgramResult result =
        allocate({"--target-size", std::to_string(size), "--format", "mpq"}, "grad");
    EXPECT_EQ(result.status, 0) << result.err;
    return read_json_file(plan_).at("achieved").at("file_bytes").get<int64_t>();
  };
  for (const int64_t asked : {300000, 350000, 400000, 450000, 1000000}) {
    const int64_t found = bytes_within(asked);
    EXPECT_LE(found, asked);
    EXPECT_EQ(bytes_within(found), found);
  }
}

TEST_F(Refusals, AFormatsRefusalNamesTheUnit) {
  calibrate();
  const ProgramResult result = allocate({"--budget", "8", "--target", "mlx", "--palette", "mxfp4"});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("model.layers.0."));
}

}  // namespace
}  // namespace mpq
