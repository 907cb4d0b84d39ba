// The walk over all blocks: what it takes, and that it goes on where it was stopped.
#include "mpq/pipeline/quantize_walk.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/format/parts.h"
#include "mpq/io/weight_source.h"
#include "tests/support/source_path.h"

namespace fs = std::filesystem;

namespace mpq {
namespace {

class QuantizeWalk : public testing::TestWithParam<const char*> {
 protected:
  QuantizeWalk() {
    for (const Unit& unit : make_units(model_.config(), true))
      choices_.push_back({unit, GetParam()});
  }
  std::string folder(const std::string& name) const {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string path = std::string(testing::TempDir()) + "walk-" + test->name() + "-" + name;
    std::replace(path.begin() + 1, path.end(), ':', '_');
    fs::remove_all(path);
    return path;
  }
  QuantizeCost walk(const std::string& folder) {
    return quantize_to_parts(model_, groups_, choices_, {}, folder, memory_);
  }
  QuantizeCost cost() const { return walk_cost(model_.config(), groups_, choices_, 0.2); }
  void expect_same_parts(const std::string& a, const std::string& b) const {
    for (int64_t block = 0; block < model_.config().layers; ++block) {
      const auto expected = load_part(part_path(a, block)).linears;
      for (const auto& [name, linear] : load_part(part_path(b, block)).linears) {
        EXPECT_TRUE(linear.codes.equal(expected.at(name).codes)) << name;
        EXPECT_TRUE(linear.grid.scale.equal(expected.at(name).grid.scale)) << name;
      }
    }
  }

  std::string source_ = source_path("tests/golden/architectures/stories260K");
  Model model_{source_, open_safetensors_folder(source_), {.dtype = "float32"}};
  MemoryBudget memory_{-1, testing::TempDir()};
  std::vector<SequenceGroup> groups_{{BatchPlan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64), false},
                                     {BatchPlan({{1, 60, 61, 62, 63}}, 64), true}};
  std::vector<UnitChoice> choices_;
};

TEST_P(QuantizeWalk, TakesWhatItSaid) {
  const QuantizeCost said = cost();
  const QuantizeCost took = walk(folder("cost"));
  EXPECT_EQ(took.products, said.products);
  EXPECT_EQ(took.training_steps, said.training_steps);
}

TEST_P(QuantizeWalk, GoesOnWhereItWasStopped) {
  const std::string whole = folder("whole");
  walk(whole);
  // A folder stands where the part of block 2 should be written.
  const std::string stopped = folder("stopped");
  fs::create_directories(part_path(stopped, 2));
  EXPECT_THROW(walk(stopped), std::exception);
  fs::remove_all(part_path(stopped, 2));
  const QuantizeCost rest = walk(stopped);
  expect_same_parts(whole, stopped);
  EXPECT_EQ(5 * rest.products, 3 * cost().products);
}

TEST_P(QuantizeWalk, FinishedPartsServeAgain) {
  const std::string whole = folder("whole");
  walk(whole);
  const std::string half = folder("half");
  fs::create_directories(half);
  for (const int64_t block : {0, 1}) fs::copy(part_path(whole, block), part_path(half, block));
  walk(half);
  expect_same_parts(whole, half);
}

INSTANTIATE_TEST_SUITE_P(Quantizers, QuantizeWalk,
                         testing::Values("rtn:bits=3,group=4", "gptq:bits=3,group=4",
                                         "gptq:bits=4,group=4,aim",
                                         "signround:bits=3,group=4,iterations=5",
                                         "awq+signround:bits=3,group=4,iterations=5"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace mpq
