// Escaping, scales and ticks of the report.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "src/pipeline/report/html.h"
#include "src/pipeline/report/sections.h"
#include "src/pipeline/report/svg.h"
#include "src/pipeline/report/units.h"

namespace mpq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Html, TextCannotBecomeMarkup) {
  EXPECT_EQ(html::escape("<a href=\"x\">&\n"), "&lt;a href=&quot;x&quot;&gt;&amp;\n");
  EXPECT_EQ(html::escape(std::string("a\0b\x1b", 4)), "a&#9216;b&#9243;");
}

TEST(Html, FiguresCarryTheirErrorAndAbsentOnesADash) {
  EXPECT_THAT(html::figure({{"mean", 0.12345}, {"stderr", 0.0111}}), HasSubstr("± 0.011"));
  EXPECT_EQ(html::figure(nullptr), "–");
  EXPECT_THAT(html::figure({{"mean", 0.12345}, {"stderr", nullptr}}), HasSubstr("± –"));
  EXPECT_EQ(html::number("text"), "–");
  EXPECT_EQ(html::number(std::numeric_limits<double>::quiet_NaN()), "–");
  EXPECT_EQ(html::section("Title", ""), "");
}

TEST(Scale, PlacesValuesLinearlyOrByDecades) {
  const Scale linear{2, 4, 100, 0, false};
  EXPECT_DOUBLE_EQ(linear(2), 100);
  EXPECT_DOUBLE_EQ(linear(3), 50);
  const Scale decades{1e-4, 1, 0, 40, true};
  EXPECT_NEAR(decades(1e-3), 10, 1e-9);
  EXPECT_DOUBLE_EQ((Scale{1, 1, 0, 10, false})(1), 5);  // one value lies in the middle
}

TEST(Ticks, AreRoundAndWithinTheScale) {
  EXPECT_THAT(ticks({0, 1, 0, 1, false}, 5),
              ElementsAre(0, 0.2, testing::DoubleNear(0.4, 1e-12), testing::DoubleNear(0.6, 1e-12),
                          testing::DoubleNear(0.8, 1e-12), testing::DoubleNear(1, 1e-12)));
  const auto decades = ticks({3e-5, 0.2, 0, 1, true}, 5);
  ASSERT_EQ(decades.size(), 4U);
  EXPECT_NEAR(decades.front(), 1e-4, 1e-16);
  EXPECT_NEAR(decades.back(), 0.1, 1e-12);
  EXPECT_EQ(ticks({2, 2, 0, 1, false}, 5).size(), 1U);
}

TEST(CurveSection, AnUnknownErrorHasNoWhisker) {
  const auto whiskers = [](const Json& error) {
    ReportFacts facts;
    facts.curve = {{"unit", "nats/token"}, {"plans", Json::array()}};
    for (const double bits : {3.0, 4.0}) {
      const Json plan = {{"effective_bits", bits}, {"kl", 0.5 / bits}, {"kl_stderr", error}};
      facts.curve["plans"].push_back(
          {{"achieved", {{"effective_bits", bits}}}, {"verified", {{"plan", plan}}}});
    }
    const std::string section = curve_section(facts);
    EXPECT_THAT(section, HasSubstr("dot ours"));
    EXPECT_THAT(section, testing::Not(HasSubstr("nan")));
    return section.find("whisker ours") != std::string::npos;
  };
  EXPECT_TRUE(whiskers(0.01));
  EXPECT_FALSE(whiskers(nullptr));
}

TEST(BitsSection, CountsBothWidthsOfAHybrid) {
  ReportFacts facts;
  facts.plan = Json::parse(R"({"units": [
      {"name": "model.layers.0.qkv", "spec": "hir:bits=2,high=4,ratio=0.3"},
      {"name": "model.layers.0.o", "spec": "rtn:bits=3"}]})");
  const std::string section = bits_section(facts);
  EXPECT_THAT(section, HasSubstr(">2.6</text>"));
  EXPECT_THAT(section, HasSubstr(">3</text>"));
}

TEST(UnitGrid, FindsBlocksAndRolesInNames) {
  const UnitGrid grid = unit_grid(Json::parse(R"([{"name": "model.layers.0.qkv"},
      {"name": "model.layers.0.o"}, {"name": "model.layers.11.qkv"}])"));
  EXPECT_THAT(grid.roles, ElementsAre("qkv", "o"));
  EXPECT_EQ(grid.blocks, 12);
  EXPECT_EQ(grid.cells[2].block, 11);
  EXPECT_EQ(grid.cells[2].role, 0U);
}

}  // namespace
}  // namespace mpq
