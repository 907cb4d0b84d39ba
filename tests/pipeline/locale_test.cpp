// Numbers in files, options, reports and templates are the same in a program whose locale writes
// them as 1.234,5: what C++'s streams do, and what C's functions do.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <limits>
#include <sstream>

#include "mpq/core/units.h"
#include "mpq/pipeline/budget.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/text/jinja.h"
#include "src/format/gguf/metadata_reader.h"
#include "src/format/gguf/model_id.h"
#include "src/pipeline/report/html.h"
#include "src/pipeline/report/sections.h"
#include "src/pipeline/report/svg.h"
#include "tests/support/german_numbers.h"

namespace mpq {
namespace {

/// Options as every plug-in has them.
struct NumberOptions {
  double damp = 0.01;
  int rows = 1;
  template <class Field>
  void visit(Field&& field) {
    field("damp", damp, "a number");
    field("rows", rows, "a whole number");
  }
};

/// The parameter: in C's functions too.
class AnotherLocale : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    static const GermanLocale kLocale;  // takes a second or two
    if (!kLocale.found())
      GTEST_SKIP() << "no German locale is installed, and localedef cannot make one";
  }

  /// What `write` returns must be `expected` in either locale.
  static void expect_the_same(const std::string& expected,
                              const std::function<std::string()>& write) {
    ASSERT_EQ(write(), expected) << "before";
    const GermanNumbers german(GetParam());
    EXPECT_EQ(write(), expected);
  }
};

/// Else the other tests would say nothing.
TEST_P(AnotherLocale, WritesNumbersInItsOwnWay) {
  const auto by_stream = [] { return (std::ostringstream() << 1234.5).str(); };
  const auto by_printf = [] {
    char text[16] = {};
    std::snprintf(text, sizeof(text), "%.1f", 1234.5);
    return std::string(text);
  };
  {
    const GermanNumbers german(GetParam());
    EXPECT_EQ(by_stream(), "1.234,5");
    EXPECT_EQ(by_printf(), GetParam() ? "1234,5" : "1234.5");
  }
  EXPECT_EQ(by_stream(), "1234.5");
  EXPECT_EQ(by_printf(), "1234.5");
}

TEST_P(AnotherLocale, LeavesPlansAndOtherJsonAlone) {
  Plan plan;
  plan.header = {{"schema", "mpq-plan/1"},
                 {"budget", {{"effective_bits", 3.5}}},
                 {"achieved", {{"bytes", 12345678}}},
                 {"text_share", 0.2},
                 {"most", std::numeric_limits<double>::max()}};
  plan.units.push_back({"block", {"block.linear"}, "gptq:bits=3,group=128", 1234567, 1234.0625});
  plan.units.push_back({"other", {"other.linear"}, "full", 0, 1.5e-7});
  const TemporaryFolder place;
  const std::string path = place.file("plan.json");
  expect_the_same(
      R"({"schema":"mpq-plan/1","budget":{"effective_bits":3.5},"achieved":{"bytes":12345678},)"
      R"("text_share":0.2,"most":1.7976931348623157e+308,"units":[)"
      R"({"name":"block","modules":["block.linear"],"spec":"gptq:bits=3,group=128",)"
      R"("bytes":1234567,"loss":1234.0625},)"
      R"({"name":"other","modules":["other.linear"],"spec":"full","bytes":0,"loss":1.5e-07}]})",
      [&] {
        write_json_file(path, to_json(plan));
        const Plan read = read_plan(path);
        EXPECT_EQ(read.units[0].loss, 1234.0625);
        EXPECT_EQ(read.units[0].bytes, 1234567);
        EXPECT_EQ(read_large_json_file(path).at("text_share"), 0.2);
        return json_text(to_json(read));
      });
  const std::string before = read_text_file(path);
  const GermanNumbers german(GetParam());
  write_json_file(path, to_json(plan));
  EXPECT_EQ(read_text_file(path), before);
}

TEST_P(AnotherLocale, LeavesSpecsAlone) {
  expect_the_same("gptq:bits=3,group=1280,damp=0.05", [] {
    const std::string spec = "gptq:bits=3,group=1280,damp=0.05";
    EXPECT_EQ(make_method(spec).encoding.group, 1280);
    return to_string(parse_spec(spec));
  });
  expect_the_same("test:damp=0.05,rows=4096", [] {
    const auto options = parse_options<NumberOptions>(parse_spec("test:rows=4096,damp=5e-2"));
    EXPECT_EQ(options.damp, 0.05);
    return to_string(canonical_spec("test", options));
  });
  expect_the_same("0.1", [] {
    const Encoding encoding = parse_encoding("int:bits=2,sym,high=3,ratio=0.1");
    EXPECT_EQ(parse_encoding(to_string(encoding)), encoding);
    return fmt::format("{}", encoding.high_ratio);
  });
}

TEST_P(AnotherLocale, LeavesBudgetsAndSizesAlone) {
  expect_the_same("3.5=3.5 2.5=2.5 2.75=2.75 3=3 ", [] {
    AllocateOptions options;
    options.budgets = {"3.5", "2.5:3:0.25"};
    std::string text;
    for (const Budget& budget : parse_budgets(options))
      text += fmt::format("{}={} ", budget.label, budget.value);
    return text;
  });
  expect_the_same("3865470566 1.15 GiB 4.2 s", [] {
    return fmt::format("{} {} {}", parse_bytes("3.6GiB", "--target-size"), format_bytes(1234567890),
                       format_seconds(4.2));
  });
}

TEST_P(AnotherLocale, LeavesReportsAlone) {
  expect_the_same("0.0123 12345 0.123 <span class=\"error\">± 0.011</span>", [] {
    return html::number(0.0123) + " " + html::number(12345, 6) + " " +
           html::figure({{"mean", 0.12345}, {"stderr", 0.0111}});
  });
  expect_the_same("2.5", [] {
    Drawing drawing(1234.5, 1000, "title");
    drawing.circle(1234.56, 0.25, 2.5, "dot");
    const std::string svg = drawing.close();
    const size_t radius = svg.find(" r=\"");
    EXPECT_NE(svg.find("cx=\"1234.6\""), std::string::npos) << svg;
    return svg.substr(radius + 4, 3);
  });
  expect_the_same("2.6", [] {
    ReportFacts facts;
    facts.plan = Json::parse(R"({"units": [
        {"name": "model.layers.0.qkv", "spec": "hir:bits=2,high=4,ratio=0.3"}]})");
    const std::string section = bits_section(facts);
    const size_t bits = section.find(">2.6</text>");
    return bits == std::string::npos ? section : section.substr(bits + 1, 3);
  });
}

/// What chat templates calculate, and what GGUF's metadata and names of models are read as.
TEST_P(AnotherLocale, LeavesTemplatesAndGgufAlone) {
  expect_the_same("0.5 1234567.25 3.14 3.5 2.57", [] {
    return JinjaTemplate(
               "{{ 0.5 }} {{ 1234567.25 }} {{ '%.2f' % 3.14159 }} "
               "{{ '2.5' | float + 1 }} {{ 2.567 | round(2) }}")
        .render(Json::object());
  });
  expect_the_same("0.1 0.5B", [] {
    return fmt::format("{} {}", shortest_decimal(0.1F),
                       parse_model_id("Base-0.5B", 500000000).size_label);
  });
}

INSTANTIATE_TEST_SUITE_P(Of, AnotherLocale, testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "C" : "Streams");
});

}  // namespace
}  // namespace mpq
