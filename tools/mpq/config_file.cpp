// Turns a JSON configuration into command line arguments.
#include "config_file.h"

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"

namespace mpq::cli {
namespace {

std::string text_of(const Json& value, const std::string& where) {
  require(value.is_string() || value.is_number() || value.is_boolean(), ErrorCode::Usage,
          "{}: expected a string, a number or true/false, found {}", where, value.dump());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool given(const std::vector<std::string>& arguments, const std::string& option) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return argument == option || argument.rfind(option + "=", 0) == 0;
  });
}

bool known_elsewhere(const CLI::App& cli, const std::string& option,
                     std::vector<std::string>& names) {
  bool found = false;
  for (const CLI::App* command : cli.get_subcommands({})) {
    found = found || command->get_option_no_throw(option) != nullptr;
    for (const CLI::Option* known : command->get_options()) {
      if (!known->get_lnames().empty()) names.push_back(known->get_lnames().front());
    }
  }
  return found;
}

/// Takes --config FILE or --config=FILE out of the arguments; empty: there is none.
std::string take_config(std::vector<std::string>& arguments) {
  const std::string option = "--config";
  const auto found =
      std::find_if(arguments.begin(), arguments.end(), [&](const std::string& argument) {
        return argument == option || argument.rfind(option + "=", 0) == 0;
      });
  if (found == arguments.end()) return {};
  const bool joined = *found != option;
  require(joined || found + 1 != arguments.end(), ErrorCode::Usage,
          "--config: expected a file name after it");
  const std::string path = joined ? found->substr(option.size() + 1) : *(found + 1);
  arguments.erase(found, found + (joined ? 1 : 2));
  require(!path.empty(), ErrorCode::Usage, "--config: expected a file name");
  return path;
}

/// Whether the command line has the option, or one that excludes it.
bool overruled(const std::vector<std::string>& arguments, const CLI::Option& option) {
  if (given(arguments, "--" + option.get_lnames().front())) return true;
  const auto& others = option.get_excludes();
  return std::any_of(others.begin(), others.end(), [&](const CLI::Option* other) {
    return given(arguments, "--" + other->get_lnames().front());
  });
}

}  // namespace

std::vector<std::string> expand_config(const CLI::App& cli, std::vector<std::string> arguments) {
  const std::string path = take_config(arguments);
  if (path.empty()) return arguments;
  const Json config = read_json_file(path);
  require(config.is_object(), ErrorCode::Format, "{}: expected a JSON object of options", path);
  const CLI::App* command = nullptr;
  for (const CLI::App* known : cli.get_subcommands({})) {
    if (std::find(arguments.begin(), arguments.end(), known->get_name()) != arguments.end())
      command = known;
  }
  require(command != nullptr, ErrorCode::Usage,
          "--config: name a command before it, as in mpq run");
  const std::vector<std::string> typed = arguments;
  for (const auto& [key, value] : config.items()) {
    if (key == "description") continue;
    const std::string option = "--" + key;
    const CLI::Option* known = command->get_option_no_throw(option);
    if (known == nullptr) {
      std::vector<std::string> names;
      const bool elsewhere = known_elsewhere(cli, option, names);
      require(elsewhere, ErrorCode::Usage, "{}: unknown option \"{}\"{}", path, key,
              suggestion(key, names));
      continue;
    }
    if (overruled(typed, *known)) continue;
    if (value.is_boolean() && known->get_items_expected_max() == 0) {  // a flag
      if (value.get<bool>()) arguments.push_back(option);
      continue;
    }
    arguments.push_back(option);
    if (value.is_array()) {
      for (const auto& item : value) arguments.push_back(text_of(item, path + ": " + key));
    } else {
      arguments.push_back(text_of(value, path + ": " + key));
    }
  }
  return arguments;
}

}  // namespace mpq::cli
