// Bad input: one line on stderr that says where and what, the documented exit status, and nothing
// left behind.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kUsage = 2;
constexpr int kIo = 3;
constexpr int kFormat = 4;
constexpr int kUnsupported = 5;
constexpr int kNumeric = 6;
constexpr int kGate = 7;

class BadInput : public testing::Test {
 protected:
  BadInput() : task_(write_task(folder_)), model_(folder_.file("model")) { copy_model(model_); }

  std::vector<std::string> calibrate(const std::string& model, const std::string& task) const {
    return {"calibrate",
            "--model",
            model,
            "--task",
            task,
            "--work",
            folder_.file("work"),
            "--text-windows",
            "4",
            "--text-window-tokens",
            "64",
            "--quiet"};
  }

  void expect_error(const std::vector<std::string>& arguments, int status,
                    const testing::Matcher<std::string>& message,
                    const ProgramLimits& limits = {}) const {
    const ProgramResult result = run_mpq(arguments, limits);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_THAT(result.err, message);
    EXPECT_THAT(result.err, testing::StartsWith("error: "));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  }

  void write(const std::string& path, const std::string& text) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  /// Multiplies every number of a weight, all of which are float32.
  void multiply(const std::string& weight, float factor) const {
    const std::string path = model_ + "/model.safetensors";
    std::string bytes = read_text_file(path);
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof(header));
    const size_t data = sizeof(header) + static_cast<size_t>(header);
    const Json names = Json::parse(bytes.substr(sizeof(header), static_cast<size_t>(header)));
    const Json& offsets = names.at(weight).at("data_offsets");
    const size_t end = data + offsets.at(1).get<size_t>();
    for (size_t at = data + offsets.at(0).get<size_t>(); at < end; at += sizeof(float)) {
      float number = 0;
      std::memcpy(&number, bytes.data() + at, sizeof(number));
      number *= factor;
      std::memcpy(bytes.data() + at, &number, sizeof(number));
    }
    write(path, bytes);
  }

  /// A calibrated and allocated work folder and its plan.
  std::string allocated_plan() const {
    EXPECT_EQ(run_mpq(calibrate(model_, task_)).status, 0);
    const std::string plan = folder_.file("plan.json");
    const auto result =
        run_mpq({"allocate", "--budget", "5", "--work", folder_.file("work"), "--scorer", "mse",
                 "--quantizer", "rtn:sym", "--no-verify", "--out", plan, "--quiet"});
    EXPECT_EQ(result.status, 0) << result.err;
    return plan;
  }

  TemporaryFolder folder_;
  std::string task_, model_;
};

TEST_F(BadInput, TruncatedWeights) {
  fs::resize_file(model_ + "/model.safetensors", 5000);
  expect_error(calibrate(model_, task_), kFormat, HasSubstr("model.safetensors"));
  EXPECT_FALSE(fs::exists(folder_.file("work")));
}

TEST_F(BadInput, FlippedBitInTheHeader) {
  std::fstream file(model_ + "/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(9);
  file.put('\x7f');
  file.close();
  expect_error(calibrate(model_, task_), kFormat, HasSubstr("model.safetensors"));
}

TEST_F(BadInput, ShapesThatDoNotFitTheConfiguration) {
  std::ifstream in(model_ + "/config.json");
  std::string config((std::istreambuf_iterator<char>(in)), {});
  config.replace(config.find("\"intermediate_size\": 172"), 24, "\"intermediate_size\": 176");
  write(model_ + "/config.json", config);
  expect_error(calibrate(model_, task_), kFormat,
               AllOf(HasSubstr("mlp.down_proj.weight has shape [64, 172], expected [64, 176]")));
}

TEST_F(BadInput, AMissingTensorIsNamed) {
  std::ifstream in(model_ + "/config.json");
  std::string config((std::istreambuf_iterator<char>(in)), {});
  config.replace(config.find("\"num_hidden_layers\": 5"), 22, "\"num_hidden_layers\": 6");
  write(model_ + "/config.json", config);
  expect_error(calibrate(model_, task_), kFormat, HasSubstr("model.layers.5."));
}

TEST_F(BadInput, UnknownModelType) {
  write(model_ + "/config.json", R"({"model_type": "lama"})");
  expect_error(calibrate(model_, task_), kUnsupported, HasSubstr("did you mean \"llama\""));
}

TEST_F(BadInput, AbsentFiles) {
  expect_error(calibrate(folder_.file("nowhere"), task_), kIo, HasSubstr("nowhere"));
  expect_error(calibrate(model_, folder_.file("nothing.jsonl")), kIo, HasSubstr("nothing.jsonl"));
}

TEST_F(BadInput, BrokenTaskLine) {
  write(task_, "{\"prompt\": \"good\"}\n\n{\"prompt\": oops}\n");
  expect_error(calibrate(model_, task_), kFormat, HasSubstr("task.jsonl:3"));
}

TEST_F(BadInput, AllocateBeforeCalibrate) {
  expect_error({"allocate", "--budget", "4", "--work", folder_.file("work"), "--quiet"}, kUsage,
               HasSubstr("mpq calibrate"));
}

TEST_F(BadInput, ImpossibleBudgetNamesTheSmallestFeasible) {
  ASSERT_EQ(run_mpq(calibrate(model_, task_)).status, 0);
  expect_error({"allocate", "--budget", "1.5", "--work", folder_.file("work"), "--scorer", "mse",
                "--quantizer", "rtn:sym", "--out", folder_.file("plan.json"), "--quiet"},
               kUsage, HasSubstr("smallest feasible budget"));
  EXPECT_FALSE(fs::exists(folder_.file("plan.json")));
  EXPECT_FALSE(fs::exists(folder_.file("work/scores")));  // said before anything is measured
}

TEST_F(BadInput, UnknownNamesGetASuggestion) {
  expect_error({"calibrat"}, kUsage, HasSubstr("calibrat"));
  expect_error({"calibrate", "--modle", model_}, kUsage, HasSubstr("--modle"));
  ASSERT_EQ(run_mpq(calibrate(model_, task_)).status, 0);
  const std::vector<std::string> allocate = {"allocate", "--budget",           "4",
                                             "--work",   folder_.file("work"), "--quiet"};
  const auto with = [&](const std::string& option, const std::string& value) {
    auto arguments = allocate;
    arguments.insert(arguments.end(), {option, value});
    return arguments;
  };
  expect_error(with("--scorer", "taqoo"), kUsage, HasSubstr("did you mean \"taqo\""));
  expect_error(with("--quantizer", "gptq:sim"), kUsage, HasSubstr("did you mean \"sym\""));
  expect_error(with("--allocator", "mkcp"), kUsage, HasSubstr("did you mean \"mckp\""));
  expect_error(with("--palette", "4;gptq:bits=99"), kUsage, HasSubstr("expected 2 to 8"));
}

TEST_F(BadInput, FullDiskLeavesNoCheckpoint) {
  const std::string plan = allocated_plan();
  const std::string out = folder_.file("out");
  expect_error(
      {"quantize", "--plan", plan, "--work", folder_.file("work"), "--out", out, "--quiet"}, kIo,
      HasSubstr("writing failed"), {.file_bytes = 20000});
  EXPECT_FALSE(fs::exists(out));
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_EQ(entry.path().filename().string().find("partial"), std::string::npos) << entry.path();
}

TEST_F(BadInput, UnwritableFolder) {
  const std::string plan = allocated_plan();
  expect_error({"quantize", "--plan", plan, "--work", folder_.file("work"), "--out",
                "/proc/mpq-cannot-write-here", "--quiet"},
               kIo, HasSubstr("/proc/mpq-cannot-write-here"));
}

TEST_F(BadInput, AnExistingOutputIsNotReplacedUnasked) {
  const std::string plan = allocated_plan();
  const std::string out = folder_.file("mine");
  fs::create_directories(out);
  write(out + "/notes.txt", "mine");
  expect_error(
      {"quantize", "--plan", plan, "--work", folder_.file("work"), "--out", out, "--quiet"}, kUsage,
      HasSubstr("--overwrite"));
  EXPECT_TRUE(fs::exists(out + "/notes.txt"));
}

TEST_F(BadInput, AnEditedPlanIsChecked) {
  const std::string path = allocated_plan();
  std::ifstream in(path);
  const std::string plan((std::istreambuf_iterator<char>(in)), {});
  const auto edited = [&](const std::string& from, const std::string& to) {
    std::string text = plan;
    text.replace(text.find(from), from.size(), to);
    write(path, text);
    return std::vector<std::string>{
        "quantize",          "--plan", path, "--work", folder_.file("work"), "--out",
        folder_.file("out"), "--quiet"};
  };
  expect_error(edited("self_attn.q_proj", "self_attn.x_proj"), kFormat,
               HasSubstr("self_attn.x_proj"));
  expect_error(edited(R"("spec": "rtn:)", R"("spec": "rnt:)"), kUsage,
               HasSubstr("did you mean \"rtn\""));
  expect_error(edited("mpq-plan/1", "mpq-plan/9"), kFormat, HasSubstr("mpq-plan/9"));
  expect_error(edited(R"("text_share": 0.2)", R"("text_share": 1.5)"), kFormat,
               HasSubstr("\"text_share\": expected 0 to 1, found 1.5"));
  expect_error(edited(R"("work": )", R"("work": 5, "was": )"), kFormat, HasSubstr("\"work\""));
  for (const std::string member : {"budget", "achieved"})
    expect_error(edited('"' + member + "\": {", '"' + member + "\": [], \"was\": {"), kFormat,
                 HasSubstr('"' + member + '"'));
  EXPECT_FALSE(fs::exists(folder_.file("out")));
}

TEST_F(BadInput, DamagedFilesOfTheWorkFolderAreNamed) {
  const std::string plan = allocated_plan(), work = folder_.file("work");
  const auto allocate = [&](const std::string& budget) {
    return std::vector<std::string>{"allocate", "--budget",    budget,  "--work",
                                    work,       "--scorer",    "mse",   "--quantizer",
                                    "rtn:sym",  "--no-verify", "--out", folder_.file("second.json"),
                                    "--quiet"};
  };
  const fs::path path = fs::directory_iterator(work + "/scores")->path();
  const Json scores = read_json_file(path);
  for (const char* member : {"unit", "scorer", "text_share"}) {
    Json damaged = scores;
    damaged.erase(member);
    write_json_file(path, damaged);
    expect_error(allocate("6"), kFormat,
                 AllOf(HasSubstr(path.filename().string()), HasSubstr(member)));
  }
  write_json_file(path, scores);
  write(work + "/timings.json", R"({"schema": "mpq-timings/1", "stages": []})");
  expect_error(allocate("6"), kFormat, HasSubstr("timings.json: \"stages\""));
}

/// What is read without a check of its own ends as any damaged file does.
TEST_F(BadInput, NoDamagedFileIsAnInternalError) {
  ASSERT_EQ(run_mpq(calibrate(model_, task_)).status, 0);
  for (const auto& entry : fs::directory_iterator(folder_.file("work/calib"))) {
    const std::string path = entry.path().string() + "/manifest.json";
    if (!entry.is_directory() || !fs::exists(path)) continue;
    Json manifest = read_json_file(path);
    manifest["experts"] = 5;
    write_json_file(path, manifest);
  }
  expect_error(calibrate(model_, task_), kFormat,
               AllOf(HasSubstr("damaged"), testing::Not(HasSubstr("internal"))));
}

TEST_F(BadInput, AWeightThatIsNotANumberIsNamed) {
  multiply("model.layers.2.mlp.down_proj.weight", std::numeric_limits<float>::quiet_NaN());
  expect_error(calibrate(model_, task_), kNumeric,
               HasSubstr("model.layers.2.mlp.down_proj.weight holds NaN or infinity"));
}

/// Every weight is finite, what the model makes of them is not.
TEST_F(BadInput, ABlockOfNoFiniteOutputIsNamed) {
  multiply("model.layers.2.post_attention_layernorm.weight", 1e30F);
  expect_error(calibrate(model_, task_), kNumeric,
               HasSubstr("the output of block 2 on the task holds NaN or infinity"));
}

TEST_F(BadInput, NoDeviceIsOfferedThatNothingHasRunOn) {
  auto arguments = calibrate(model_, task_);
  arguments.insert(arguments.end(), {"--device", "cuda"});
  expect_error(arguments, kUnsupported,
               AllOf(HasSubstr("--device cuda"), HasSubstr("expected cpu")));
  const ProgramResult help = run_mpq({"run", "--help"});
  EXPECT_EQ(help.status, 0) << help.err;
  EXPECT_THAT(help.out, AllOf(HasSubstr("--device"), testing::Not(HasSubstr("cuda"))));
}

TEST_F(BadInput, FilesOfAnotherSizeThanThePlanSaysAreAFault) {
  const auto bytes = static_cast<int64_t>(fs::file_size(model_ + "/model.safetensors"));
  const auto checked = [&](int64_t promised) {
    Json plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
    plan["achieved"]["file_bytes"] = promised;
    write_json_file(model_ + "/plan.json", plan);
    return run_mpq({"check", model_, "--quiet"});
  };
  EXPECT_EQ(checked(bytes).status, 0);
  const ProgramResult result = checked(bytes + 1);
  EXPECT_EQ(result.status, kGate) << result.err;
  EXPECT_THAT(result.out, HasSubstr("have " + std::to_string(bytes) + " bytes, plan.json says " +
                                    std::to_string(bytes + 1)));
}

TEST_F(BadInput, DamagedFilesOfACheckpointAreNamed) {
  Json config = read_json_file(model_ + "/config.json");
  config["quantization_config"] = nullptr;  // as published ones have it
  write_json_file(model_ + "/config.json", config);
  EXPECT_EQ(run_mpq({"inspect", model_}).status, 0);
  EXPECT_EQ(run_mpq({"check", model_, "--quiet"}).status, 0);
  write(model_ + "/plan.json", R"({"schema": "mpq-plan/1"})");
  expect_error({"inspect", model_}, kFormat, HasSubstr("plan.json: \"units\" is missing"));
  fs::remove(model_ + "/plan.json");
  write(model_ + "/mpq.json", R"({"files": {"config.json": 5}})");
  expect_error({"check", model_, "--quiet"}, kFormat, HasSubstr("mpq.json: config.json"));
  fs::remove(model_ + "/mpq.json");
  config["quantization_config"] = {{"quant_method", 5}};
  write_json_file(model_ + "/config.json", config);
  expect_error({"inspect", model_}, kFormat, HasSubstr("\"quant_method\""));
  config.erase("quantization_config");
  config["quantization"] = {{"quant_method", "auto-round"}};
  write_json_file(model_ + "/config.json", config);
  expect_error({"check", model_, "--quiet"}, kFormat, HasSubstr("\"packing_format\" is missing"));
}

}  // namespace
}  // namespace mpq
