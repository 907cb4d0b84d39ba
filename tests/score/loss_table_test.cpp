// What is done with scores and losses that are not finite.
#include "mpq/score/loss_table.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "mpq/core/log.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Two units of a block.
ScoreContext two_units(std::vector<std::string> first, std::vector<std::string> second) {
  ScoreContext context;
  context.units.resize(2);
  context.units[0].unit.name = "layers.0.qkv";
  context.units[0].candidates = std::move(first);
  context.units[1].unit.name = "layers.0.down";
  context.units[1].candidates = std::move(second);
  return context;
}

/// Warnings, as long as it stands.
class Warnings {
 public:
  Warnings() {
    set_log_sinks({.message =
                       [this](LogLevel level, const std::string& text) {
                         if (level == LogLevel::Warning) all.push_back(text);
                       },
                   .progress = {}});
  }
  ~Warnings() { set_log_sinks({}); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  std::vector<std::string> all;
};

TEST(DropUnmeasured, CandidatesWithoutAFiniteLossLeaveThePalette) {
  ScoreContext context =
      two_units({"rtn:bits=2", "rtn:bits=3", "full"}, {"rtn:bits=2", "gptq:bits=2"});
  ScoreTable table = empty_table(context, "nats/token");
  table.loss = {{kNone, 0.5, 0}, {1, kInfinity}};
  table.loss_stderr = {{kNone, 0.25, 0}, {0.125, kNone}};
  table.pairs = {{0, 1, {{kNone, kNone}, {7, kNone}, {8, kNone}}}};
  Warnings warnings;
  drop_unmeasured(context, table);
  EXPECT_THAT(context.units[0].candidates, ElementsAre("rtn:bits=3", "full"));
  EXPECT_THAT(context.units[1].candidates, ElementsAre("rtn:bits=2"));
  EXPECT_THAT(table.loss, ElementsAre(ElementsAre(0.5, 0), ElementsAre(1)));
  EXPECT_THAT(table.loss_stderr, ElementsAre(ElementsAre(0.25, 0), ElementsAre(0.125)));
  EXPECT_THAT(table.pairs[0].interaction, ElementsAre(ElementsAre(7), ElementsAre(8)));
  EXPECT_THAT(warnings.all,
              ElementsAre(HasSubstr("layers.0.qkv: the loss of rtn:bits=2 is nan"),
                          HasSubstr("layers.0.down: the loss of gptq:bits=2 is inf")));
}

TEST(DropUnmeasured, WithNoneLeftTheUnitIsNamed) {
  ScoreContext context = two_units({"full"}, {"rtn:bits=2", "rtn:bits=3"});
  ScoreTable table = empty_table(context, "nats/token");
  table.loss[1] = {kNone, kInfinity};
  EXPECT_THAT(error_of(ErrorCode::Numeric, [&] { drop_unmeasured(context, table); }),
              testing::AllOf(HasSubstr("layers.0.down"), HasSubstr("--dtype float32")));
}

TEST(RankByBlock, AScoreThatIsNotFiniteNamesItsBlock) {
  ScoreContext context = two_units({"full"}, {"full"});
  context.units[1].unit.block = 1;
  ScoreTable table = empty_table(context, "");
  EXPECT_THAT(error_of(ErrorCode::Numeric,
                       [&] {
                         rank_by_block(context, {1, kNone}, table);
                       }),
              HasSubstr("block 1"));
}

TEST(WeightLocalLosses, ARankThatIsNoNumberWeighsNothing) {
  const ScoreContext context = two_units({"rtn:bits=2"}, {"rtn:bits=2"});
  ScoreTable local = empty_table(context, "relative");
  local.loss = {{1}, {2}};
  ScoreTable ranked = empty_table(context, "");
  weight_local_losses(local, ranked);
  EXPECT_THAT(ranked.loss, ElementsAre(ElementsAre(1), ElementsAre(2)));  // all alike
  ranked.score = {1, kNone};
  weight_local_losses(local, ranked);
  EXPECT_TRUE(std::isnan(ranked.loss[0][0]) && std::isnan(ranked.loss[1][0]));
}

}  // namespace
}  // namespace mpq
