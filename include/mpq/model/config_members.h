#pragma once
// Members of config.json that an architecture does not know.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/core/json_reads.h"

namespace mpq {

/// Members as "name": value.
struct UnreadMembers {
  std::vector<std::string> features;  // that by their names change what a model computes
  std::vector<std::string> others;
};
/// Those that are set, were not read while `reads` lived and are not known to change nothing; all
/// that rope settings have of this kind are features. A nested language model's are not looked at.
UnreadMembers unread_members(const Json& config, const JsonReads& reads);

/// For an error about a model_type that mpq does not know: the known one that leaves the fewest
/// members unread, and those.
std::string nearest_family(const std::string& type, const Json& config);

}  // namespace mpq
