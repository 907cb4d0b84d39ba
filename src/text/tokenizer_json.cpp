// Parsing tokenizer.json.
#include "tokenizer_json.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "utf8.h"

namespace mpq::text {
namespace {

/// A folder may have the slow tokenizer's files only.
void check_there(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(path, error)) return;
  std::string others;
  for (const char* name : {"tokenizer.model", "spiece.model", "vocab.json", "tekken.json"}) {
    if (fs::exists(fs::path(path).parent_path() / name, error))
      others += (others.empty() ? "; there is " : ", ") + std::string(name);
  }
  fail(ErrorCode::Io,
       "{}: is not there{}; make it with transformers: AutoTokenizer.from_pretrained(FOLDER)"
       ".save_pretrained(FOLDER)",
       path, others.empty() ? others : others + " only");
}

}  // namespace

TokenizerJson read_tokenizer_json(const std::string& path) {
  check_there(path);
  TokenizerJson file;
  file.path = path;
  nlohmann::json root = read_large_json_file(path);
  require(root.is_object() && root.contains("model") && root["model"].is_object(),
          ErrorCode::Format, "{}: expected an object with \"model\", found none", path);
  nlohmann::json& model = root["model"];
  require(model.contains("vocab"), ErrorCode::Format, "{}: \"model.vocab\" is missing", path);
  file.vocab = std::move(model["vocab"]);
  model.erase("vocab");
  if (model.contains("merges")) {
    file.merges = std::move(model["merges"]);
    model.erase("merges");
  }
  file.components = root;
  return file;
}

std::string component_type(const Json& component, const std::string& where) {
  return json_get<std::string>(component, "type", where);
}

std::vector<Json> component_list(const Json& component, const char* key, const std::string& where) {
  const Json list = json_get<Json>(component, key, where);
  require(list.is_array(), ErrorCode::Format, "{}: \"{}\" is not an array", where, key);
  return {list.begin(), list.end()};
}

std::string one_character(const Json& component, const char* key, const std::string& where) {
  const std::string text = json_get<std::string>(component, key, where);
  size_t at = 0;
  if (!text.empty()) next_code_point(text, at);
  require(!text.empty() && at == text.size(), ErrorCode::Format,
          "{}: \"{}\" is \"{}\", expected one character", where, key, text);
  return text;
}

}  // namespace mpq::text
