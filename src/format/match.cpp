// Regular expressions by the standard library.
#include "mpq/format/match.h"

#include <regex>
#include <unordered_map>

#include "mpq/core/error.h"

namespace mpq {

bool matches_start(const std::string& pattern, const std::string& module,
                   const std::string& where) {
  constexpr size_t kMost = 65'536;
  thread_local std::unordered_map<std::string, std::regex> compiled;
  if (compiled.size() > kMost) compiled.clear();
  try {
    auto found = compiled.find(pattern);
    if (found == compiled.end()) found = compiled.emplace(pattern, std::regex(pattern)).first;
    return std::regex_search(module, found->second, std::regex_constants::match_continuous);
  } catch (const std::regex_error&) {
    fail(ErrorCode::Unsupported, "{}: \"{}\" is not a regular expression that mpq reads", where,
         pattern);
  }
}

}  // namespace mpq
