#pragma once
// tokenizer.json and tokenizer_config.json of a checkpoint, as far as a GGUF file repeats them.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq {

struct AddedToken {
  std::string content;
  int64_t id = 0;
  bool special = false;
  bool normalized = true;
};

struct TokenizerFiles {
  std::string folder;
  std::string path;     // of tokenizer.json
  nlohmann::json json;  // null: there is none. Objects are sorted maps: a vocabulary is large
  Json config;          // null: there is none
  std::vector<AddedToken> added;

  std::string config_path() const { return folder + "/tokenizer_config.json"; }
  /// The content of "bos_token" and the like, a text or an added token; empty when it is not there.
  std::string named_token(const std::string& key) const;
  /// All that tokenizer_config.json gives such a part to: transformers makes them special.
  std::set<std::string> named_tokens() const;
  /// A member of "model" in tokenizer.json; null when it is not there.
  const nlohmann::json& model_member(const char* key) const;
};

/// Throws Error(Format) on what is no tokenizer.
TokenizerFiles read_tokenizer_files(const std::string& folder);

}  // namespace mpq
