#pragma once
// One option list per plug-in, `visit(field)`, yields strict parsing, help, `mpq list` and
// canonical specs.
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "mpq/core/error.h"
#include "mpq/core/spec.h"
#include "mpq/core/suggest.h"

namespace mpq {

/// A line of help about one option.
struct OptionInfo {
  std::string name;
  std::string default_value;
  std::string help;
};

/// Text form of an option value; parse_value(format_value(x)) == x.
std::string format_value(bool value);
std::string format_value(int value);
std::string format_value(double value);
std::string format_value(const std::string& value);
/// Throw Error(Usage) naming `where` when the text is not such a value.
void parse_value(std::string_view text, const std::string& where, bool& out);
void parse_value(std::string_view text, const std::string& where, int& out);
void parse_value(std::string_view text, const std::string& where, double& out);
void parse_value(std::string_view text, const std::string& where, std::string& out);

/// Plug-ins without options use this.
struct NoOptions {
  template <class Field>
  void visit(Field&&) {}
};

/// Lists the options of `Options`, a struct with `template <class F> void visit(F&& field)` that
/// calls `field("bits", bits, "help")` once per member.
template <class Options>
std::vector<OptionInfo> describe_options() {
  std::vector<OptionInfo> infos;
  Options defaults;
  defaults.visit([&](const char* name, auto& value, const char* help) {
    infos.push_back({name, format_value(value), help});
  });
  return infos;
}

/// Fills `Options` from a spec; an unknown option or a bad value is Error(Usage) with a suggestion.
template <class Options>
Options parse_options(const Spec& spec) {
  Options options;
  std::vector<std::string> known;
  options.visit([&](const char* name, auto& value, const char*) {
    known.emplace_back(name);
    if (const std::string* text = spec.find(name)) {
      parse_value(*text, fmt::format("{}: option \"{}\"", to_string(spec), name), value);
    }
  });
  for (const auto& [key, value] : spec.options) {
    bool found = false;
    for (const auto& name : known) found = found || name == key;
    require(found, ErrorCode::Usage, "{}: unknown option \"{}\"{}", to_string(spec), key,
            known.empty() ? std::string("; it takes none") : suggestion(key, known));
  }
  return options;
}

/// The canonical spec: only what differs from the defaults, in the order of visit().
template <class Options>
Spec canonical_spec(const std::string& name, Options options) {
  Spec spec{name, {}};
  const auto defaults = describe_options<Options>();
  size_t index = 0;
  options.visit([&](const char* key, auto& value, const char*) {
    const std::string text = format_value(value);
    if (text != defaults[index++].default_value) spec.options.emplace_back(key, text);
  });
  return spec;
}

}  // namespace mpq
