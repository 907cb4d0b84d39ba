// Templates from any bytes, and random edits of good ones.
#include "jinja_bytes.h"

#include <random>
#include <string>
#include <vector>

#include "golden.h"
#include "jinja_clock.h"
#include "mpq/core/error.h"
#include "mpq/text/jinja.h"

namespace mpq {
namespace {

const Json& variables() {
  static const Json all = Json::parse(R"({
    "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null,
      "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1, 2.5, true]}}}]}],
    "s": "Hello World", "u": "Gr\u00fc\u00dfe", "n": 7, "f": 2.5, "t": true, "z": null, "l": [3, 1, 2],
    "ls": ["b", "A"], "d": {"b": 1, "a": [1, 2], "items": "key"}, "e": [], "users": [{"name": "Ann"}],
    "add_generation_prompt": true, "tools": null, "bos_token": "<s>"})");
  return all;
}

std::string edited(std::string text, const std::vector<std::string>& parts, std::mt19937& random) {
  const auto below = [&](size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random);
  };
  for (size_t i = 0, edits = 1 + below(4); i < edits; ++i) {
    const size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0:
        text.erase(at, 1 + below(4));
        break;
      case 1:
        text.insert(at, parts[below(parts.size())]);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      default:
        text.insert(at, text.substr(below(text.size() + 1), 1 + below(20)));
    }
  }
  return text;
}

}  // namespace

void check_template_bytes(std::string_view bytes) {
  try {
    JinjaTemplate(bytes).render(variables(), fixed_time);
  } catch (const Error&) {
    return;
  }
}

void check_mutated_templates(int count) {
  static const std::vector<std::string> parts = {"{%",
                                                 "%}",
                                                 "{{",
                                                 "}}",
                                                 "{#",
                                                 "#}",
                                                 "-",
                                                 "+",
                                                 "(",
                                                 ")",
                                                 "[",
                                                 "]",
                                                 "{",
                                                 "}",
                                                 "|",
                                                 ".",
                                                 ",",
                                                 ":",
                                                 "=",
                                                 "'",
                                                 "\"",
                                                 "\\",
                                                 "\n",
                                                 " ",
                                                 " if ",
                                                 " else ",
                                                 " for x in l ",
                                                 " is ",
                                                 " not ",
                                                 " in ",
                                                 "{% endif %}",
                                                 "{% endfor %}",
                                                 "{% set n = n * n %}",
                                                 "{{ loop }}",
                                                 "{{ loop.length }}",
                                                 "|list",
                                                 "|map('upper')",
                                                 "|sort",
                                                 "|tojson",
                                                 "|join",
                                                 "[::-1]",
                                                 "s",
                                                 "l",
                                                 "d",
                                                 "users",
                                                 "none",
                                                 "9223372036854775807",
                                                 "-1",
                                                 "1e308",
                                                 "* 99999",
                                                 "{% macro m(a) %}",
                                                 "{% endmacro %}",
                                                 "m(m)",
                                                 "namespace(a=l)",
                                                 "\xC3\xBC",
                                                 "\xF0\x9F\xA6\x99"};
  std::vector<std::string> sources;
  const Json goldens = read_golden("jinja.json");
  for (const Json& entry : goldens.at("cases")) sources.push_back(entry.at(0));
  std::mt19937 random(1);
  for (int i = 0; i < count; ++i) {
    const std::string& source = sources[static_cast<size_t>(random()) % sources.size()];
    check_template_bytes(edited(source, parts, random));
  }
}

}  // namespace mpq
