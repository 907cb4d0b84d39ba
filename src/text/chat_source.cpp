// The places of a chat template, in the order in which transformers looks.
#include "chat_source.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"

namespace mpq::text {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAdvice =
    "give \"prompt\" with the text as the model wants it instead of \"messages\"";

using Sources = std::map<std::string, ChatSource>;  // by name

// chat_template.jinja is the default one.
Sources jinja_files(const std::string& folder) {
  Sources sources;
  const std::string file = folder + "/chat_template.jinja";
  if (fs::exists(file)) sources["default"] = {read_text_file(file), file};
  const std::string more = folder + "/additional_chat_templates";
  if (!fs::is_directory(more)) return sources;
  for (const auto& entry : fs::directory_iterator(more)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".jinja") continue;
    sources[path.stem().string()] = {read_text_file(path.string()), path.string()};
  }
  return sources;
}

// "chat_template" of a JSON file: a text, or a list of named ones.
Sources json_member(const std::string& file) {
  Sources sources;
  if (!fs::exists(file)) return sources;
  const Json config = read_json_file(file);
  const auto value = json_get_or<Json>(config, "chat_template", Json(), file);
  if (!value.is_array()) {
    const auto text = json_get_or<std::string>(config, "chat_template", "", file);
    if (!text.empty()) sources["default"] = {text, file};
    return sources;
  }
  const std::string where = file + ": chat_template";
  for (const Json& entry : value) {
    const auto name = json_get<std::string>(entry, "name", where);
    sources[name] = {json_get<std::string>(entry, "template", where), file};
  }
  return sources;
}

std::string names_of(const Sources& sources) {
  std::string names;
  for (const auto& entry : sources) names += (names.empty() ? "" : ", ") + entry.first;
  return names;
}

}  // namespace

ChatSource find_chat_template(const std::string& folder, bool has_tools) {
  Sources sources = jinja_files(folder);
  for (const char* file : {"/chat_template.json", "/tokenizer_config.json"}) {
    if (sources.empty()) sources = json_member(folder + file);
  }
  require(!sources.empty(), ErrorCode::Unsupported,
          "{}: the checkpoint has no chat template (chat_template.jinja, chat_template.json, or "
          "\"chat_template\" in tokenizer_config.json); {}",
          folder, kAdvice);
  const auto tool_use = sources.find("tool_use"), standard = sources.find("default");
  if (has_tools && tool_use != sources.end()) return tool_use->second;
  require(standard != sources.end(), ErrorCode::Unsupported,
          "{}: the checkpoint has several chat templates ({}), and none is the default; {}", folder,
          names_of(sources), kAdvice);
  return standard->second;
}

}  // namespace mpq::text
