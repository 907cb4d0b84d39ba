// Members of a checkpoint's, a plan's or a work folder's files that are missing or of another kind.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>

#include "mpq/calib/block_statistics.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/io/safetensors.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/inspect.h"
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/sensitivity.h"
#include "mpq/pipeline/timings.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::HasSubstr;

const std::string kSmall = source_path("tests/golden/architectures/stories260K");

class DamagedFiles : public testing::Test {
 protected:
  void write(const std::string& name, const Json& value) const {
    write_json_file(folder_.file(name), value);
  }
  /// A checkpoint of the golden weights whose config.json says more.
  void write_checkpoint(const Json& members) const {
    Json config = read_json_file(kSmall + "/config.json");
    config.update(members);
    write("config.json", config);
    const std::string weights = folder_.file("model.safetensors");
    if (!std::filesystem::exists(weights))
      std::filesystem::create_symlink(kSmall + "/model.safetensors", weights);
  }
  static std::string refused(const std::function<void()>& action) {
    return error_of(ErrorCode::Format, action);
  }

  TemporaryFolder folder_;
};

TEST_F(DamagedFiles, StopTokens) {
  for (const char* file : {"generation_config.json", "config.json"}) {
    for (const Json& value :
         {Json::array(), Json("x"), Json({{"eos_token_id", "</s>"}}), Json({{"eos_token_id", 2.5}}),
          Json({{"eos_token_id", Json::array({1, "x"})}}),
          Json({{"eos_token_id", int64_t{1} << 40}}), Json({{"eos_token_id", true}})}) {
      write(file, value);
      EXPECT_THAT(refused([&] { stop_tokens(folder_.path()); }), HasSubstr(file)) << value;
    }
    write(file, {{"eos_token_id", nullptr}});
    EXPECT_TRUE(stop_tokens(folder_.path()).empty());
  }
  write("config.json", {{"eos_token_id", Json::array({3, 4})}});
  EXPECT_THAT(stop_tokens(folder_.path()), testing::ElementsAre(3, 4));
}

TEST_F(DamagedFiles, Quantization) {
  write_checkpoint({{"quantization_config", nullptr}});
  EXPECT_EQ(inspect(folder_.path()).at("quantization"), "none");
  for (const Json& value : {Json(5), Json::array({1}), Json({{"quant_method", 5}})}) {
    write_checkpoint({{"quantization_config", value}});
    EXPECT_THAT(refused([&] { inspect(folder_.path()); }), HasSubstr("config.json")) << value;
    for (const char* key : {"quantization_config", "quantization"}) {
      write_checkpoint({{key, value}});
      EXPECT_THAT(refused([&] { open_checkpoint(folder_.path()); }), HasSubstr("config.json"))
          << key << value;
    }
  }
}

/// The method may stand under MLX's name.
TEST_F(DamagedFiles, QuantizationUnderItsOtherName) {
  for (const auto& [method, missing] : {std::pair{"auto-round", "packing_format"},
                                        {"compressed-tensors", "config_groups"},
                                        {"mpq", "schema"}}) {
    write_checkpoint({{"quantization", {{"quant_method", method}}}});
    EXPECT_THAT(refused([&] { open_checkpoint(folder_.path()); }), HasSubstr(missing)) << method;
  }
  for (const char* method : {"gptq", "awq", "fp8", "modelopt"}) {
    write_checkpoint({{"quantization", {{"quant_method", method}}}});
    EXPECT_NO_THROW(open_checkpoint(folder_.path())) << method;  // nothing in it is packed
  }
}

TEST_F(DamagedFiles, InspectedPlansAndScores) {
  const auto table_of = [&](const Json& file) {
    write("file.json", file);
    return inspect(folder_.file("file.json")).at("table");
  };
  const auto expect_refused = [&](const Json& file) {
    EXPECT_THAT(refused([&] { table_of(file); }), HasSubstr("file.json")) << file;
  };
  const Json damaged_unit = {{"name", 5}, {"candidates", Json::array({Json::object()})}};
  for (const char* schema : {"mpq-plan/1", "mpq-sensitivity/1"}) {
    Json file = {{"schema", schema}};
    expect_refused(file);
    for (const Json& units :
         {Json(5), Json::object(), Json::array({5}), Json::array({damaged_unit})}) {
      file["units"] = units;
      expect_refused(file);
    }
  }
  const Json unit = {{"name", "a"}};
  EXPECT_EQ(table_of({{"schema", "mpq-plan/1"}, {"units", Json::array({unit})}}).back(),
            Json::array({"a", "?", 0, "0"}));
  write_checkpoint(Json::object());
  write("plan.json", {{"schema", "mpq-plan/1"}});
  EXPECT_THAT(refused([&] { inspect(folder_.path()); }), HasSubstr("plan.json: \"units\""));
}

TEST_F(DamagedFiles, CheckedHashes) {
  write_checkpoint(Json::object());
  for (const Json& files : {Json(5), Json::array(), Json({{"config.json", 5}}),
                            Json({{"config.json", {{"sha256", 5}}}})}) {
    write("mpq.json", {{"files", files}});
    EXPECT_THAT(refused([&] { check(folder_.path(), ""); }), HasSubstr("mpq.json")) << files;
  }
  write("mpq.json", {{"files", {{"config.json", Json::object()}}}});
  EXPECT_EQ(check(folder_.path(), "").at("faults").size(), 1U);
}

TEST_F(DamagedFiles, PlanHeaders) {
  const Json plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
  const auto read = [&](const char* member, const Json& value) {
    Json changed = plan;
    changed[member] = value;
    return plan_from_json(changed, "plan.json");
  };
  for (const Json& share : {Json(-0.1), Json(1.5), Json("x"), Json::array()})
    EXPECT_THAT(refused([&] { read("text_share", share); }),
                HasSubstr("plan.json: \"text_share\""));
  for (const char* member : {"budget", "achieved"}) {
    for (const Json& value : {Json(3), Json("x"), Json::array()})
      EXPECT_THAT(refused([&] { read(member, value); }), HasSubstr(member)) << value;
    EXPECT_NO_THROW(read(member, nullptr));
  }
  EXPECT_NO_THROW(read("text_share", 1));
}

TEST_F(DamagedFiles, Timings) {
  for (const Json& stages : {Json::array(), Json(3), Json("x")}) {
    write("timings.json", {{"stages", stages}});
    EXPECT_THAT(refused([&] { read_timings(folder_.path()); }), HasSubstr("timings.json"));
    EXPECT_THAT(refused([&] { StageTimer("x").record(folder_.path()); }),
                HasSubstr("timings.json"));
  }
}

TEST_F(DamagedFiles, ScoreHeaders) {
  const Json good = {
      {"unit", "nats/token"}, {"scorer", "mse"}, {"text_share", 0.2}, {"units", Json::array()}};
  const auto read = [](const Json& file) { sensitivity_of(file, {}, "key", "scores.json"); };
  EXPECT_NO_THROW(read(good));
  for (const char* member : {"unit", "scorer", "text_share"}) {
    Json damaged = good;
    damaged.erase(member);
    EXPECT_THAT(refused([&] { read(damaged); }), HasSubstr(member));
    damaged[member] = Json::array();
    EXPECT_THAT(refused([&] { read(damaged); }), HasSubstr(member));
  }
  Json damaged = good;
  damaged["text_share"] = 2;
  EXPECT_THAT(refused([&] { read(damaged); }), HasSubstr("expected 0 to 1, found 2"));
}

TEST_F(DamagedFiles, ScoredPairs) {
  const Json candidate = {
      {"spec", "rtn:bits=2"}, {"bits", 2}, {"bytes", 4}, {"loss", 0.1}, {"code_bytes", 4}};
  const auto unit = [&](const char* name, int block, size_t candidates) {
    Json json = {{"name", name}, {"block", block}, {"weights", 16}, {"score", 0.1}};
    json["candidates"] = std::vector<Json>(candidates, candidate);
    return json;
  };
  const auto read = [&](const char* units, const char* interaction, size_t times = 1) {
    Json pair;
    pair["units"] = Json::parse(units);
    pair["interaction"] = Json::parse(interaction);
    Json file;
    file["units"] = std::vector<Json>{unit("a", 0, 2), unit("b", 0, 3), unit("c", 1, 3)};
    file["pairs"] = std::vector<Json>(times, pair);
    return problem_of(file, "scores.json").pairs;
  };
  const char* good_units = R"(["a", "b"])";
  const char* good_rows = "[[1, 2, 3], [4, 5, 6]]";
  EXPECT_EQ(read(good_units, good_rows).at(0).second, 1U);
  EXPECT_THAT(refused([&] { read(good_units, good_rows, 2); }), HasSubstr("there twice"));
  EXPECT_THAT(refused([&] { read(R"(["a", "a"])", "[[1, 2], [3, 4]]"); }),
              HasSubstr("of one unit"));
  // "c" has as many candidates as "b", in another block.
  for (const char* units : {R"(["a", "x"])", R"(["x", "b"])", R"(["a"])", R"(["a", "b", "c"])",
                            R"(["a", "c"])", "[0, 1]", R"("a")"})
    EXPECT_THAT(refused([&] { read(units, good_rows); }), HasSubstr("scores.json")) << units;
  for (const char* rows : {"[]", "[[1, 2, 3]]", "[[1, 2, 3], [4, 5]]", "[[1, 2], [3, 4], [5, 6]]",
                           "[[1, 2, 3], [4, 5, 6, 7]]", R"([[1, 2, 3], [4, 5, "x"]])", "5"})
    EXPECT_THAT(refused([&] { read(good_units, rows); }), HasSubstr("scores.json")) << rows;
}

TEST_F(DamagedFiles, Statistics) {
  const std::string path = folder_.file("stats.safetensors");
  BlockStatistics block;
  block.reservoir = at::ones({3, 4});
  block.expert_rows = {5, 6};
  save_statistics(path, {block});
  EXPECT_EQ(load_statistics(path, 1, 4).at(0).expert_rows, block.expert_rows);
  EXPECT_THAT(refused([&] { load_statistics(path, 2, 4); }), HasSubstr(path));
  std::map<std::string, at::Tensor> good;
  {
    const SafetensorsFile file(path);
    for (const auto& [name, entry] : file.tensors()) good[name] = file.tensor(name).clone();
  }
  const auto expect_refused = [&](const std::string& name, const at::Tensor& value) {
    auto tensors = good;
    tensors["block.0." + name] = value;
    save_tensors(path, tensors);
    EXPECT_THAT(refused([&] { load_statistics(path, 1, 4); }),
                HasSubstr("stats.safetensors: block 0 is damaged"))
        << name;
  };
  expect_refused("moments", at::ones({5}, at::kFloat));
  expect_refused("moments", at::ones({4}, at::kDouble));
  expect_refused("moments", at::full({5}, std::numeric_limits<double>::quiet_NaN(), at::kDouble));
  expect_refused("reservoir", at::ones({12}, at::kFloat));
  expect_refused("reservoir", at::ones({4, 3}, at::kFloat));
  expect_refused("reservoir", at::ones({3, 4}, at::kDouble));
  expect_refused("reservoir",
                 at::full({3, 4}, std::numeric_limits<double>::infinity(), at::kFloat));
  expect_refused("expert_rows", at::ones({2}, at::kDouble));
  expect_refused("expert_rows", at::ones({1, 2}, at::kLong));
}

}  // namespace
}  // namespace mpq
