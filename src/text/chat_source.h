#pragma once
// Where a checkpoint keeps its chat template.
#include <string>

namespace mpq::text {

struct ChatSource {
  std::string text;
  std::string where;  // the file, for messages
};

/// Throws Error(Unsupported) when there is none, or several and none of them is meant.
ChatSource find_chat_template(const std::string& folder, bool has_tools);

}  // namespace mpq::text
