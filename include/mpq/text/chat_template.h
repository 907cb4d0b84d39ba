#pragma once
// Chat templates of known families, rendered exactly as their Jinja source would be.
#include <string>

#include "mpq/core/json_file.h"

namespace mpq {

/// Renders [{"role", "content"}, ...] with the template found in the checkpoint folder
/// (chat_template.jinja, or "chat_template" in tokenizer_config.json), the generation prompt added.
/// Throws Error(Unsupported) when the folder has no template or an unknown one, Error(Format) when
/// the messages are malformed or the template itself would raise (role order).
std::string render_chat(const Json& messages, const std::string& checkpoint_folder);

}  // namespace mpq
