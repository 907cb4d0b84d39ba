// Renders templates for the interop tests: a line {"template", "context"} in, a line {"text"} or
// {"error"} out. The clock stands still.
#include <iostream>
#include <optional>
#include <string>

#include "mpq/core/error.h"
#include "mpq/text/jinja.h"

namespace {

std::tm fixed_time() {
  std::tm time{};
  time.tm_year = 2025 - 1900;
  time.tm_mon = 2;  // 2025-03-07 09:05:03, a Friday
  time.tm_mday = 7;
  time.tm_hour = 9;
  time.tm_min = 5;
  time.tm_sec = 3;
  time.tm_wday = 5;
  time.tm_yday = 65;
  return time;
}

// Many lines in a row have the same template.
const mpq::JinjaTemplate& parsed(const std::string& source) {
  static std::string last_source;
  static std::optional<mpq::JinjaTemplate> last;
  if (!last || source != last_source) {
    last.reset();
    last.emplace(source);
    last_source = source;
  }
  return *last;
}

mpq::Json answer(const std::string& line) {
  try {
    const auto request = mpq::Json::parse(line);
    const auto& source = parsed(request.at("template").get<std::string>());
    return {{"text", source.render(request.at("context"), fixed_time)}};
  } catch (const mpq::Error& error) {
    return {{"error", error.what()}, {"code", error.exit_status()}};
  } catch (const mpq::Json::exception& error) {
    return {{"error", error.what()}, {"code", -1}};
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer(line).dump(-1, ' ', false, mpq::Json::error_handler_t::replace)
              << std::endl;
  }
}
