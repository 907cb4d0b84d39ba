// "llama": SentencePiece, from tokenizer.model or from what tokenizer.json made of it.
#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "mpq/text/tokenizer.h"
#include "sentencepiece_model.h"
#include "vocabulary.h"

namespace mpq {
namespace {

constexpr float kAddedScore = -1000;

/// {"<token>": id}; ids past the vocabulary are passed over, as by the converter.
void add_from_list(const TokenizerFiles& files, GgufVocabulary& result) {
  const std::string path = files.folder + "/added_tokens.json";
  if (!std::filesystem::exists(path)) return;
  const Json list = read_json_file(path);
  require(list.is_object(), ErrorCode::Format, "{}: is not a JSON object", path);
  for (const auto& [token, entry] : list.items()) {
    const auto id = json_get<int64_t>(list, token.c_str(), path);
    if (id < result.size()) result.set(id, token, kAddedScore, GgufTokenType::User, path);
  }
}

void add_from_config(const TokenizerFiles& files, bool as_they_are, GgufVocabulary& result) {
  if (!files.config.is_object()) return;
  const std::string where = files.config_path() + ": added_tokens_decoder";
  const Json list =
      json_get_or<Json>(files.config, "added_tokens_decoder", Json::object(), files.config_path());
  require(list.is_object(), ErrorCode::Format, "{}: is not a JSON object", where);
  for (const auto& [key, entry] : list.items()) {
    require(
        !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string::npos,
        ErrorCode::Format, "{}: expected an id, found \"{}\"", where, key);
    const int64_t id = std::stol(key);
    if (id >= result.size()) continue;
    const auto token = json_get<std::string>(entry, "content", where);
    const bool special =
        json_get_or<bool>(entry, "special", false, where) || (!as_they_are && looks_special(token));
    result.set(id, special || as_they_are ? token : with_spaces(token), kAddedScore,
               special ? GgufTokenType::Control : GgufTokenType::User, where);
  }
}

bool is_byte(const std::string& token) {
  return token.size() == 6 && token.starts_with("<0x") && token.back() == '>' &&
         token.find_first_not_of("0123456789ABCDEFabcdef", 3) == 5;
}

/// Rank of the first merge that makes each token.
std::map<std::string, size_t> merge_ranks(const TokenizerFiles& files) {
  std::map<std::string, size_t> ranks;
  const nlohmann::json& list = files.model_member("merges");
  require(list.is_array(), ErrorCode::Format, "{}: \"model.merges\" is not an array", files.path);
  for (size_t i = 0; i < list.size(); ++i) {
    std::string token;
    if (list[i].is_string()) {
      token = list[i].get<std::string>();
      const size_t space = token.find(' ');
      if (space != std::string::npos) token.erase(space, 1);
    } else {
      require(list[i].is_array() && list[i].size() == 2 && list[i][0].is_string() &&
                  list[i][1].is_string(),
              ErrorCode::Format, "{}: model.merges[{}]: expected two tokens", files.path, i);
      token = list[i][0].get<std::string>() + list[i][1].get<std::string>();
    }
    ranks.emplace(std::move(token), i);
  }
  return ranks;
}

}  // namespace

GgufVocabulary sentencepiece_vocabulary(const TokenizerFiles& files, int64_t size, bool of_phi3) {
  const std::string path = files.folder + "/tokenizer.model";
  const auto pieces = read_sentencepiece_model(path);
  GgufVocabulary result("llama", size);
  result.pre = "default";
  for (int64_t id = 0; id < std::min(size, static_cast<int64_t>(pieces.size())); ++id) {
    const SentencePiece& piece = pieces[static_cast<size_t>(id)];
    const auto type = static_cast<GgufTokenType>(piece.type);
    // A piece that its trainer was given is no token that a user added: the lists below say those.
    result.set(id, piece.text, piece.score,
               type == GgufTokenType::User ? GgufTokenType::Normal : type, path);
  }
  add_from_list(files, result);
  add_from_config(files, of_phi3, result);
  if (!of_phi3) return result;
  for (const AddedToken& token : files.added)
    result.set(token.id, token.content, kAddedScore,
               token.special ? GgufTokenType::Control : GgufTokenType::User, files.path);
  return result;
}

bool has_byte_fallback(const TokenizerFiles& files) {
  const nlohmann::json& type = files.model_member("type");
  return (type.is_null() || type == "BPE") && files.model_member("vocab").is_object() &&
         files.model_member("byte_fallback") == true && files.model_member("ignore_merges") != true;
}

GgufVocabulary merged_vocabulary(const TokenizerFiles& files, int64_t size) {
  const auto tokenizer = Tokenizer::load(files.folder);  // which checks the vocabulary's ids
  GgufVocabulary result("llama", size);
  result.pre = "default";
  const auto ranks = merge_ranks(files);
  const auto unmerged = -static_cast<float>(files.model_member("merges").size());
  for (const auto& [token, id] : files.model_member("vocab").items()) {
    const auto rank = ranks.find(token);
    result.set(id.get<int64_t>(), token,
               rank == ranks.end() ? unmerged : -static_cast<float>(rank->second),
               is_byte(token) ? GgufTokenType::Byte : GgufTokenType::Normal, files.path);
  }
  const auto named = files.named_tokens();
  for (const AddedToken& token : files.added) {
    const auto id = tokenizer->token_to_id(token.content);
    require(id.has_value(), ErrorCode::Internal, "{}: an added token has no id", files.path);
    const bool special =
        token.special || named.contains(token.content) || looks_special(token.content);
    result.set(*id, special ? token.content : with_spaces(token.content), kAddedScore,
               special ? GgufTokenType::Control : GgufTokenType::User, files.path);
  }
  return result;
}

}  // namespace mpq
