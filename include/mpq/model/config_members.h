#pragma once
// Members of config.json that an architecture does not know.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/core/json_reads.h"

namespace mpq {

/// Members that are set, were not read while `reads` lived and are not known to change nothing, as
/// "name": value; those of the rope settings too. A nested language model's are not looked at.
std::vector<std::string> unread_members(const Json& config, const JsonReads& reads);

/// For an error about a model_type that mpq does not know: the known one that leaves the fewest
/// members unread, and those.
std::string nearest_family(const std::string& type, const Json& config);

}  // namespace mpq
