// The split of TAQ: counts, ties, block means and errors.
#include <gmock/gmock.h>

#include "mpq/alloc/block_split.h"
#include "tests/alloc/problems.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

TEST(TopFraction, GivesTheTopQuarterEightBits) {
  const auto problem = scored_blocks({1, 5, 2, 9, 3, 4, 0, 8});
  const auto found = solve("top-fraction", problem);
  EXPECT_EQ(bits_of(problem, found), (std::vector<int>{4, 4, 4, 8, 4, 4, 4, 8}));
  EXPECT_EQ(found.bytes, 6 * 10 + 2 * 20);
  EXPECT_EQ(found.predicted_loss, 6 * 4 + 2 * 2);
}

TEST(TopFraction, BreaksTiesToTheLowerBlock) {
  const auto problem = scored_blocks({1, 1, 1, 1});
  EXPECT_EQ(bits_of(problem, solve("top-fraction:fraction=0.5", problem)),
            (std::vector<int>{8, 8, 4, 4}));
}

TEST(TopFraction, RoundsHalvesUp) {
  EXPECT_EQ(round_half_up(0.25, 2), 1u);  // 0.5
  EXPECT_EQ(round_half_up(0.25, 5), 1u);
  EXPECT_EQ(round_half_up(0.25, 22), 6u);  // 5.5
  EXPECT_EQ(round_half_up(0.35, 10), 4u);
  EXPECT_EQ(round_half_up(0.145, 100), 15u);  // just below a half in binary
  EXPECT_EQ(round_half_up(1, 7), 7u);
}

TEST(TopFraction, WeighsAUnitByItsWeights) {
  auto problem = scored_blocks({3, 1, 9});
  problem.units[1].block = 0;
  problem.units[1].weights = 9000;
  problem.units[2].score = 2;  // above (3 + 9) / 10, below the plain mean of 2 only by the tie rule
  EXPECT_EQ(bits_of(problem, solve("top-fraction:fraction=0.5", problem)),
            (std::vector<int>{4, 4, 8}));
}

TEST(TopFraction, NamesTheBytesItTakes) {
  auto problem = scored_blocks({1, 2, 3, 4});
  problem.budget_bytes = 49;
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("top-fraction", problem); }),
              HasSubstr("smallest feasible budget is 50 bytes"));
}

TEST(TopFraction, NamesThePaletteItNeeds) {
  auto problem = scored_blocks({1, 2, 3, 4});
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("top-fraction:high=6", problem); }),
              HasSubstr("offers 4, 8, 16 bits but not 6; the palette needs 4 and 6 bits"));
}

TEST(TopFraction, ChecksItsOptionsAndScores) {
  auto problem = scored_blocks({1, 2});
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("top-fraction:fracton=0.5", problem); }),
              HasSubstr("did you mean \"fraction\""));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("top-fraction:fraction=1.5", problem); }),
              HasSubstr("[0, 1]"));
  problem.units[1].score = std::numeric_limits<double>::infinity();
  EXPECT_THAT(error_of(ErrorCode::Numeric, [&] { solve("top-fraction", problem); }),
              HasSubstr("block1"));
}

}  // namespace
}  // namespace mpq
