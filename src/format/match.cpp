// Regular expressions by the standard library.
#include "mpq/format/match.h"

#include <regex>

#include "mpq/core/error.h"

namespace mpq {

bool matches_start(const std::string& pattern, const std::string& module,
                   const std::string& where) {
  try {
    return std::regex_search(module, std::regex(pattern), std::regex_constants::match_continuous);
  } catch (const std::regex_error&) {
    fail(ErrorCode::Unsupported, "{}: \"{}\" is not a regular expression that mpq reads", where,
         pattern);
  }
}

}  // namespace mpq
