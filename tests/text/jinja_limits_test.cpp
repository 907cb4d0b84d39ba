// Hostile templates end with an error: they neither crash, hang nor fill memory.
#include <gtest/gtest.h>

#include <string>

#include "jinja_bytes.h"
#include "mpq/text/jinja.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

std::string repeated(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

void expect_limit(const std::string& source) {
  const std::string message =
      error_of(ErrorCode::Unsupported, [&] { JinjaTemplate(source).render(Json::object()); });
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(JinjaLimits, TextsAndLists) {
  for (const char* expression :
       {"'x' * 1000000000", "'x' * 9223372036854775807", "[0] * 1000000000",
        "'x'.center(1000000000)", "'x'.zfill(1000000000)", "'%1000000000d' % 1",
        "'%.1000000000f' % 1", "'{:1000000000}'.format(1)", "'x'|center(1000000000)",
        "'a\nb'|indent(1000000000)", "[0]|batch(1000000000, 1)|list", "[0]|slice(1000000000)|list",
        "[1]|tojson(indent=1000000000)", "('x' * 60000000).replace('x', 'yyyy')", "range(100001)",
        "range(0, 9223372036854775807)", "'\t'.expandtabs(1000000000)"}) {
    SCOPED_TRACE(expression);
    expect_limit("{{ " + std::string(expression) + " }}");
  }
}

TEST(JinjaLimits, OutputAndSteps) {
  expect_limit("{% set x = 'x' * 10000000 %}{% for i in range(100) %}{{ x }}{% endfor %}");
  expect_limit("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}");
  expect_limit(
      "{% set ns = namespace(x='x') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% "
      "endfor %}");
  expect_limit(
      "{% set ns = namespace(x='x' * 50000000) %}{% for i in range(100) %}{% set ns.x = "
      "ns.x|replace('x', 'y') %}{% endfor %}");
  expect_limit(
      "{% set ns = namespace(x=[0]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% "
      "endfor %}");
  expect_limit(
      "{% set ns = namespace(x=[0]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% "
      "endfor %}{{ ns.x }}");
}

TEST(JinjaLimits, Nesting) {
  expect_limit("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
  expect_limit("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
  expect_limit(
      "{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor "
      "%}");
  expect_limit(
      "{% set ns = namespace(x=[1]) %}{% for i in range(1000) %}{% set ns.x = ns.x|map('string') "
      "%}{% endfor %}");
  for (const char* opening : {"(", "[", "{1:", "not ", "-", "x[", "f(", "1 if 1 else "}) {
    SCOPED_TRACE(opening);
    expect_limit("{{ " + repeated(opening, 100000) + "1");
  }
  for (const char* link : {"|upper", ".a", "[0]", "()", " + 1", " and 1", " ** 1"}) {
    SCOPED_TRACE(link);
    expect_limit("{{ x" + repeated(link, 100000) + " }}");
  }
  expect_limit(repeated("{% if 1 %}", 100000));
  expect_limit(repeated("{% for x in y %}", 100000));
  expect_limit("{% set " + repeated("(", 100000));
}

TEST(JinjaLimits, WhatHoldsItselfIsFreed) {
  const Json none = Json::object();
  JinjaTemplate("{% set ns = namespace() %}{% set ns.x = [ns] %}{% set ns.y = ns %}").render(none);
  JinjaTemplate(
      "{% set ns = namespace(p=1) %}{% for i in range(1000) %}{% macro m() %}{% endmacro %}"
      "{% set q = ns.p %}{% set ns.p = m %}{% endfor %}")
      .render(none);
  JinjaTemplate(
      "{% set ns = namespace() %}{% for i in range(1000) %}{% set ns.n = namespace(n=ns.n) %}{% "
      "endfor %}")
      .render(none);
  EXPECT_THROW(JinjaTemplate("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}").render(none),
               Error);
}

TEST(JinjaLimits, RandomEditsGiveTextOrAnError) { check_mutated_templates(50000); }

}  // namespace
}  // namespace mpq
