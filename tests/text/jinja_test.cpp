// Small templates render as jinja2 renders them in transformers' environment
// (tools/golden/make_jinja.py), or are refused where it raises.
#include "mpq/text/jinja.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden.h"
#include "jinja_clock.h"
#include "mpq/core/error.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

using testing::HasSubstr;

std::string render(const std::string& source, const Json& variables = Json::object()) {
  return JinjaTemplate(source, "chat").render(variables, fixed_time);
}

TEST(Jinja, RendersLikeJinja2) {
  // The order of the context's members matters.
  const Json golden = read_json_file(text_golden("jinja.json"));
  for (const Json& entry : golden.at("cases")) {
    const auto source = entry.at(0).get<std::string>();
    if (entry.at(1).is_null()) {
      EXPECT_THROW(render(source, golden.at("context")), Error) << source;
    } else {
      try {
        EXPECT_EQ(render(source, golden.at("context")), entry.at(1).get<std::string>()) << source;
      } catch (const Error& error) {
        ADD_FAILURE() << source << "\n" << error.what();
      }
    }
  }
}

TEST(Jinja, IsParsedOnceAndRenderedOften) {
  const JinjaTemplate source("{% set ns = namespace(n=0) %}{% set ns.n = ns.n + x %}{{ ns.n }}");
  EXPECT_EQ(source.render({{"x", 1}}), "1");
  EXPECT_EQ(source.render({{"x", 2}}), "2");
}

TEST(Jinja, ErrorsNameTemplateAndLine) {
  const auto message = [](const std::string& source) {
    return error_of(ErrorCode::Format, [&] { render(source); });
  };
  EXPECT_EQ(message("a\n{% if %}"),
            "chat: line 2: expected an expression, found the end of the tag");
  EXPECT_EQ(message("a\n\n{{ x.y }}"), "chat: line 3: 'x' is undefined");
  EXPECT_THAT(
      message("{% for x in [1] %}\n{{ raise_exception('roles must alternate') }}\n{% endfor %}"),
      testing::AllOf(HasSubstr("line 2"), HasSubstr("roles must alternate")));
  EXPECT_THAT(message("{% macro m() %}\n{{ 1 / 0 }}{% endmacro %}\n{{ m() }}"),
              HasSubstr("line 2"));
  EXPECT_THAT(message("\n{{ 'a' }}\xFF"), HasSubstr("line 2: the template is not UTF-8"));
  EXPECT_THAT(message("{{ {}.a.b }}"), HasSubstr("'dict object' has no attribute 'a'"));
}

TEST(Jinja, WhatIsNotSupportedIsNamed) {
  const auto message = [](const std::string& source) {
    return error_of(ErrorCode::Unsupported, [&] { render(source); });
  };
  EXPECT_THAT(message("{% include 'x' %}"), HasSubstr("include"));
  EXPECT_THAT(message("{% extends 'x' %}"), HasSubstr("extends"));
  EXPECT_THAT(message("{{ [1] | random }}"), HasSubstr("random"));
  EXPECT_THAT(message("{{ 9223372036854775807 + 1 }}"), HasSubstr("64 bits"));
}

TEST(Jinja, DeepInputIsRefused) {
  Json deep = "leaf";
  for (int i = 0; i < 300; ++i) deep = Json::array({deep});
  error_of(ErrorCode::Unsupported, [&] { render("{{ x }}", {{"x", deep}}); });
}

}  // namespace
}  // namespace mpq
