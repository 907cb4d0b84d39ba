// The first version's three tiers: counts, order and errors.
#include <gmock/gmock.h>

#include "tests/alloc/problems.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

TEST(Tiers, SplitsTheMiddleByScore) {
  // 24 blocks: 20 in the middle, 3 of them kept, 9 at 8 bits, 8 at 4.
  std::vector<double> scores;
  for (int b = 0; b < 24; ++b) scores.push_back(-b);
  const auto problem = scored_blocks(scores);
  const auto bits = bits_of(problem, solve("tiers", problem));
  for (int b = 0; b < 24; ++b) {
    EXPECT_EQ(bits[b], b < 5 || b >= 22 ? 16 : b < 14 ? 8 : 4) << b;
  }
}

TEST(Tiers, SharesMayCoverTheWholeMiddle) {
  const auto problem = scored_blocks({1, 2, 3, 4});
  EXPECT_EQ(bits_of(problem, solve("tiers:first=0,last=0,top=0.5,middle=0.5", problem)),
            (std::vector<int>{8, 8, 16, 16}));
}

TEST(Tiers, NamesWhatIsWrong) {
  auto problem = scored_blocks({1, 2, 3, 4, 5, 6});
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("tiers:top=0.7,middle=0.6", problem); }),
              HasSubstr("at most 1"));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("tiers:midle=0.6", problem); }),
              HasSubstr("did you mean \"middle\""));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("tiers:mid=6,middle=1,top=0", problem); }),
              HasSubstr("the palette needs 4 and 6 and 16 bits"));
  problem.budget_bytes = 1;
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("tiers", problem); }),
              HasSubstr("smallest feasible budget is 190 bytes"));
}

}  // namespace
}  // namespace mpq
