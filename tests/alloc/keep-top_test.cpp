// The split of TAQO: ends, top blocks and errors.
#include <gmock/gmock.h>

#include "tests/alloc/problems.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

TEST(KeepTop, KeepsBothEndsAndTheTopOfTheOthers) {
  const auto problem = scored_blocks({9, 9, 1, 3, 2, 5, 9, 9});
  EXPECT_EQ(bits_of(problem, solve("keep-top:top=2", problem)),
            (std::vector<int>{16, 16, 4, 16, 4, 16, 16, 16}));
  EXPECT_EQ(bits_of(problem, solve("keep-top:first=0,last=1,top=1,keep=8", problem)),
            (std::vector<int>{8, 4, 4, 4, 4, 4, 4, 8}));
}

TEST(KeepTop, DefaultsAreThoseOfThePaper) {
  std::vector<double> scores;
  for (int b = 0; b < 32; ++b) scores.push_back(b);
  const auto problem = scored_blocks(scores);
  const auto bits = bits_of(problem, solve("keep-top", problem));
  for (int b = 0; b < 32; ++b) EXPECT_EQ(bits[b], b < 2 || b >= 22 ? 16 : 4) << b;
}

TEST(KeepTop, KeepsAllOfAShortModel) {
  const auto problem = scored_blocks({1, 2, 3});
  EXPECT_EQ(bits_of(problem, solve("keep-top", problem)), (std::vector<int>{16, 16, 16}));
}

TEST(KeepTop, NamesWhatIsMissing) {
  auto problem = scored_blocks({1, 2, 3, 4, 5, 6});
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("keep-top:low=3,top=1", problem); }),
              HasSubstr("the palette needs 3 and 16 bits"));
  problem.budget_bytes = 209;
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("keep-top:top=1", problem); }),
              HasSubstr("smallest feasible budget is 210 bytes"));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("keep-top:firs=1", problem); }),
              HasSubstr("did you mean \"first\""));
  error_of(ErrorCode::Usage, [&] { solve("keep-top:top=-1", problem); });
}

}  // namespace
}  // namespace mpq
