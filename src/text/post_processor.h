#pragma once
// Post-processors: the special tokens around the ids of a text.
#include <cstdint>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq::text {

/// Ids put before and behind a single text.
struct PostProcessor {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};

/// TemplateProcessing's "single", ByteLevel (offsets only) and sequences of both. Empty for a null
/// component.
PostProcessor make_post_processor(const Json& component, const std::string& where);

}  // namespace mpq::text
