// Refuses what nlohmann::json lets pass, in a pass of its own: a parser callback would take
// quadratic time.
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

/// Looks at keys, depth and syntax; keeps no value.
class Checker final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Checker(const std::string& where, size_t max_depth) : where_(where), max_depth_(max_depth) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second)
      fail(ErrorCode::Format, "{} names \"{}\" twice", where_, shown(name));
    return true;
  }

  bool parse_error(size_t byte, const std::string&, const nlohmann::json::exception&) override {
    fail(ErrorCode::Format, "{} is not JSON from byte {} on; the file is damaged", where_, byte);
  }

 private:
  bool open() {
    require(keys_.size() < max_depth_, ErrorCode::Format, "{} nests too deep: over {} levels",
            where_, max_depth_);
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& where_;
  size_t max_depth_;
  std::vector<std::set<std::string>> keys_;  // of each open object; none in a list
};

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, const std::string& where,
                                 size_t max_depth) {
  Checker checker(where, max_depth);
  nlohmann::json::sax_parse(text.begin(), text.end(), &checker);
  return nlohmann::json::parse(text.begin(), text.end());
}

std::string shown(std::string_view text) {
  const std::string quoted = escaped(nlohmann::json(std::string(text)));
  const bool cut = quoted.back() != '"';
  return quoted.substr(1, quoted.size() - (cut ? 1 : 2));
}

std::string shown_value(const nlohmann::json& value) { return escaped(value); }

}  // namespace mpq
