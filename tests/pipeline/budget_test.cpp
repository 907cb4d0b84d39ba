// Budgets as they are typed.
#include "mpq/pipeline/budget.h"

#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace mpq {
namespace {

std::vector<Budget> parse(const std::string& text) {
  AllocateOptions options;
  options.budgets = {text};
  return parse_budgets(options);
}

TEST(Budgets, ARangeHasBothEnds) {
  const auto budgets = parse("2.5:3:0.25");
  ASSERT_EQ(budgets.size(), 3U);
  EXPECT_EQ(budgets[0].label, "2.5");
  EXPECT_EQ(budgets[2].value, 3);
}

TEST(Budgets, NonsenseIsRefused) {
  for (const char* text : {"0", "33", "nan", "3:2:1", "1:2", "1:32:1e-9", "1:2:0"})
    EXPECT_NE(error_of(ErrorCode::Usage, [&] { parse(text); }).find("--budget"), std::string::npos)
        << text;
}

}  // namespace
}  // namespace mpq
