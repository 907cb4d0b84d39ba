// Reads the tokenizer's files; what is not in them stays null or empty.
#include "tokenizer_file.h"

#include <filesystem>

#include "mpq/core/error.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

std::vector<AddedToken> read_added(const nlohmann::json& file, const std::string& path) {
  const auto list = file.find("added_tokens");
  if (list == file.end() || list->is_null()) return {};
  require(list->is_array(), ErrorCode::Format, "{}: \"added_tokens\" is not an array", path);
  std::vector<AddedToken> tokens;
  for (const Json entry : *list) {
    const std::string where = fmt::format("{}: added_tokens[{}]", path, tokens.size());
    const bool special = json_get_or<bool>(entry, "special", false, where);
    tokens.push_back({json_get<std::string>(entry, "content", where),
                      json_get<int64_t>(entry, "id", where), special,
                      json_get_or<bool>(entry, "normalized", !special, where)});
  }
  return tokens;
}

}  // namespace

std::string TokenizerFiles::named_token(const std::string& key) const {
  if (!config.is_object()) return "";
  const auto found = config.find(key);
  if (found == config.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  return found->is_object()
             ? json_get_or<std::string>(*found, "content", "", config_path() + ": " + key)
             : "";
}

std::set<std::string> TokenizerFiles::named_tokens() const {
  std::set<std::string> names;
  for (const char* kind : {"bos", "eos", "unk", "sep", "pad", "cls", "mask"})
    names.insert(named_token(fmt::format("{}_token", kind)));
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto found = config.is_object() ? config.find(key) : config.end();
    if (found == config.end() || !found->is_array()) continue;
    for (const Json& entry : *found) {
      if (entry.is_string()) names.insert(entry.get<std::string>());
    }
  }
  names.erase("");
  return names;
}

const nlohmann::json& TokenizerFiles::model_member(const char* key) const {
  static const nlohmann::json kNull;
  if (!json.is_object()) return kNull;
  const nlohmann::json& model = json["model"];
  const auto found = model.find(key);
  return found == model.end() ? kNull : *found;
}

TokenizerFiles read_tokenizer_files(const std::string& folder) {
  TokenizerFiles files;
  files.folder = folder;
  files.path = folder + "/tokenizer.json";
  if (fs::exists(files.path)) {
    files.json = read_large_json_file(files.path);
    require(
        files.json.is_object() && files.json.contains("model") && files.json["model"].is_object(),
        ErrorCode::Format, "{}: expected an object with \"model\", found none", files.path);
    files.added = read_added(files.json, files.path);
  }
  if (fs::exists(files.config_path())) {
    files.config = read_json_file(files.config_path());
    require(files.config.is_object(), ErrorCode::Format, "{}: is not a JSON object",
            files.config_path());
  }
  return files;
}

}  // namespace mpq
