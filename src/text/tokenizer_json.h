#pragma once
// tokenizer.json, read: the large tables apart from the components, which are small.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq::text {

struct TokenizerJson {
  std::string path;
  Json components;        // everything but the two tables
  nlohmann::json vocab;   // model.vocab: an object, or pairs (token, score)
  nlohmann::json merges;  // model.merges; null when absent
};

/// Throws Error(Io) when there is none, Error(Format) when it is not a tokenizer.
TokenizerJson read_tokenizer_json(const std::string& path);

/// The component's "type"; Error(Format) when there is none.
std::string component_type(const Json& component, const std::string& where);
/// The objects of a Sequence component.
std::vector<Json> component_list(const Json& component, const char* key, const std::string& where);
/// A member that is one code point, as UTF-8.
std::string one_character(const Json& component, const char* key, const std::string& where);

}  // namespace mpq::text
