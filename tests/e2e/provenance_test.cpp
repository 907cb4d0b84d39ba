// A report tells of the rival and the curve that its plan was made beside, whatever was made later
// in the same work folder.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

class Provenance : public testing::Test {
 protected:
  Provenance() {
    run({"calibrate", "--model", small_model(), "--task", write_task(folder_)});
    plan("first", "rtn");
    plan("second", "gptq");
  }

  Json run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--work", folder_.file("work")});
    return run_json(arguments);
  }

  /// At 4 bits from 3, 4 and 6 of one quantizer.
  void plan(const std::string& name, const std::string& quantizer) const {
    run({"allocate", "--budget", "4", "--scorer", "mse", "--palette",
         quantizer + ":bits=3,group=0,sym;" + quantizer + ":bits=4,group=0,sym;" + quantizer +
             ":bits=6,group=0,sym",
         "--out", path(name)});
  }

  ProgramResult report(const std::string& name) const {
    return run_mpq({"report", "--work", folder_.file("work"), "--plan", path(name), "--out",
                    folder_.file(name + ".html"), "--quiet", "--json"});
  }

  std::string path(const std::string& name) const { return folder_.file(name + ".json"); }
  /// What a plan was made from, as a file of the work folder.
  std::string source(const std::string& name, const char* kind) const {
    const auto made_from = read_json_file(path(name)).at("made_from");
    const auto file = made_from.at(kind).get<std::string>();
    return folder_.file(std::string(kind) == "scores" ? "work/scores/" + file + ".json"
                                                      : "work/" + file);
  }

  TemporaryFolder folder_;
};

TEST_F(Provenance, AReportIsOfItsPlansOwnRivalAndCurve) {
  for (const auto& [name, quantizer] : {std::pair{"first", "rtn"}, std::pair{"second", "gptq"}}) {
    const ProgramResult result = report(name);
    ASSERT_EQ(result.status, 0) << result.err;
    const Json rows = Json::parse(result.out).at("comparison").at("rows");
    EXPECT_THAT(rows.at(1).at("name").get<std::string>(), HasSubstr(quantizer));
    const Json curve = read_json_file(source(name, "curve"));
    EXPECT_EQ(curve.at("plans").at(0).at("plan"), path(name));
  }
}

TEST_F(Provenance, WhatAPlanWasMadeFromIsRefusedWhenItChangedOrIsGone) {
  for (const char* kind : {"rival", "curve", "scores"}) {
    const std::string file = source("first", kind), text = read_text_file(file);
    Json changed = Json::parse(text);
    changed["note"] = "edited";
    write_json_file(file, changed);
    ProgramResult result = report("first");
    EXPECT_EQ(result.status, 4) << kind;
    EXPECT_THAT(result.err, HasSubstr(file + ": was changed since it was written"));
    fs::remove(file);
    result = report("first");
    EXPECT_EQ(result.status, 2) << kind;
    EXPECT_THAT(result.err, HasSubstr(file + ": is not there"));
    write_text_file(file, text);
  }
  EXPECT_EQ(report("first").status, 0);
}

TEST_F(Provenance, WhatVerifyingMeasuredOfTheRivalIsReadByTheReport) {
  const std::string kept = folder_.file("work/evaluations");
  const auto rival_row = [&] {
    const ProgramResult result = report("first");
    EXPECT_EQ(result.status, 0) << result.err;
    return Json::parse(result.out).at("comparison").at("rows").at(1).at("result");
  };
  const Json row = rival_row();
  const Json verified = read_json_file(path("first")).at("verified").at("uniform");
  EXPECT_EQ(row.at("task_divergence").at("kl").at("mean"), verified.at("kl"));
  const auto before = fs::last_write_time(kept);
  EXPECT_EQ(rival_row(), row);
  EXPECT_EQ(fs::last_write_time(kept), before);  // nothing was put there
  for (const auto& entry : fs::directory_iterator(kept)) {
    Json changed = read_json_file(entry.path());
    changed["result"]["task_divergence"]["kl"]["mean"] = 0.0;
    write_json_file(entry.path(), changed);
  }
  const ProgramResult changed = report("first");
  EXPECT_EQ(changed.status, 4);
  EXPECT_THAT(changed.err, HasSubstr("was changed since it was written; delete it"));
  fs::remove_all(kept);
  EXPECT_EQ(rival_row(), row);
}

}  // namespace
}  // namespace mpq
