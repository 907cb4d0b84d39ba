#pragma once
// A checkpoint's own chat template, rendered as Hugging Face transformers renders it.
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/text/jinja.h"

namespace mpq {

/// What a template may be given besides the messages.
struct ChatOptions {
  Json tools;      // an array of JSON schemas; null: none
  Json documents;  // an array of objects; null: none
  bool add_generation_prompt = true;
  Json variables = Json::object();  // what else it asks for: enable_thinking, date_string, ...
  JinjaTemplate::Clock clock;       // of strftime_now(); by default the local time
};

/// Renders [{"role", "content", ...}, ...] with the template found in the checkpoint folder:
/// chat_template.jinja with additional_chat_templates/*.jinja, chat_template.json, or
/// "chat_template" in tokenizer_config.json. Of several the one called tool_use is taken when there
/// are tools, otherwise default. As in transformers, members that are null are absent, and
/// reasoning_content, thinking and reasoning stand for one another. Content of text parts is joined
/// for a template that does not read parts. Throws Error(Unsupported) when the folder has no
/// template, or one that does what mpq/text/jinja.h does not, Error(Format) when the messages are
/// malformed or the template raises (role order).
std::string render_chat(const Json& messages, const std::string& checkpoint_folder,
                        const ChatOptions& options = {});

}  // namespace mpq
