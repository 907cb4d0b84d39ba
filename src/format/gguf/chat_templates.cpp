// Chat templates from the three places where a checkpoint may keep them.
#include <algorithm>
#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "special_tokens.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

using Templates = std::map<std::string, std::string>;  // by name

Templates from_json(const Json& value, const std::string& where) {
  Templates templates;
  if (value.is_string()) templates["default"] = value.get<std::string>();
  if (!value.is_array()) return templates;
  for (const Json& entry : value)
    templates[json_get<std::string>(entry, "name", where)] =
        json_get<std::string>(entry, "template", where);
  return templates;
}

Templates from_files(const std::string& folder) {
  Templates templates;
  const std::string file = folder + "/chat_template.jinja";
  if (fs::exists(file)) {
    templates["default"] = read_text_file(file);
    std::error_code error;
    for (fs::directory_iterator entry(folder + "/additional_chat_templates", error), end;
         !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() == ".jinja")
        templates[entry->path().stem().string()] = read_text_file(entry->path().string());
    }
    return templates;
  }
  const std::string json = folder + "/chat_template.json";
  if (!fs::exists(json)) return templates;
  return from_json(json_get_or<Json>(read_json_file(json), "chat_template", Json(), json), json);
}

/// Letters and digits stay; anything else would be no part of a key.
std::string key_part(std::string name) {
  for (char& c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain) c = '_';
  }
  return name;
}

}  // namespace

GgufMetadata chat_templates(const TokenizerFiles& files) {
  Templates templates;
  if (files.config.is_object()) {
    templates =
        from_json(json_get_or<Json>(files.config, "chat_template", Json(), files.config_path()),
                  files.config_path() + ": chat_template");
  }
  if (templates.empty()) templates = from_files(files.folder);
  GgufMetadata result;
  std::vector<std::string> names;
  for (const auto& [name, text] : templates) {
    if (name == "default" || name.empty() || text.empty()) continue;
    names.push_back(key_part(name));
    set_gguf_value(result, "tokenizer.chat_template." + names.back(), text);
  }
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (!names.empty()) result.push_back({"tokenizer.chat_templates", GgufArray(names)});
  const std::string& standard = templates["default"];
  if (!standard.empty()) result.push_back({"tokenizer.chat_template", standard});
  return result;
}

}  // namespace mpq
