// A JSON parser callback that refuses what nlohmann::json lets pass.
#include "strict_json.h"

#include <set>
#include <vector>

#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr size_t kLongestShown = 160;

std::string escaped(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongestShown) text = text.substr(0, kLongestShown) + "...";
  return text;
}

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, const std::string& where, int max_depth) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Event event, const nlohmann::json& parsed) {
    const bool opens = event == Event::object_start || event == Event::array_start;
    require(!opens || depth < max_depth, ErrorCode::Format, "{} nests too deep: over {} levels",
            where, max_depth);
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second)
        fail(ErrorCode::Format, "{} names \"{}\" twice", where, shown(key));
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), check);
  } catch (const nlohmann::json::parse_error& error) {
    fail(ErrorCode::Format, "{} is not JSON from byte {} on; the file is damaged", where,
         error.byte);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::Format, "{} is not JSON: a number is out of range", where);
  }
}

std::string shown(std::string_view text) {
  const std::string quoted = escaped(nlohmann::json(std::string(text)));
  const bool cut = quoted.back() != '"';
  return quoted.substr(1, quoted.size() - (cut ? 1 : 2));
}

std::string shown_value(const nlohmann::json& value) { return escaped(value); }

}  // namespace mpq
