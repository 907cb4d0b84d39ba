// "gpt2": byte-level BPE as tokenizer.json has it.
#include "mpq/core/error.h"
#include "mpq/text/tokenizer.h"
#include "pre_tokenizer.h"
#include "vocabulary.h"

namespace mpq {
namespace {

/// A space within a merged token would be taken for the one between the two.
std::string escaped(std::string part) {
  for (size_t at = 0; (at = part.find(' ', at)) != std::string::npos;)
    part.replace(at, 1, "\u0120");
  return part;
}

/// "a b" each, whether the file has them so or as pairs.
std::vector<std::string> read_merges(const TokenizerFiles& files) {
  std::vector<std::string> merges;
  const nlohmann::json& list = files.model_member("merges");
  require(list.is_null() || list.is_array(), ErrorCode::Format,
          "{}: \"model.merges\" is not an array", files.path);
  for (const auto& merge : list) {
    if (merge.is_string()) {
      merges.push_back(merge.get<std::string>());
      continue;
    }
    require(merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string(),
            ErrorCode::Format, "{}: model.merges[{}]: expected two tokens", files.path,
            merges.size());
    merges.push_back(escaped(merge[0].get<std::string>()) + " " +
                     escaped(merge[1].get<std::string>()));
  }
  return merges;
}

}  // namespace

GgufVocabulary byte_level_vocabulary(const TokenizerFiles& files, int64_t size) {
  const auto tokenizer = Tokenizer::load(files.folder);
  const nlohmann::json& vocab = files.model_member("vocab");
  const nlohmann::json& type = files.model_member("type");
  require((type.is_null() || type == "BPE") && vocab.is_object() && !has_byte_fallback(files),
          ErrorCode::Unsupported, "{}: expected byte-level BPE, found another kind of tokenizer",
          files.path);
  GgufVocabulary result("gpt2", size);
  const auto step = files.json.find("pre_tokenizer");
  result.pre = gguf_pre_tokenizer(*tokenizer, step == files.json.end() ? nlohmann::json() : *step,
                                  files.path);
  for (const auto& [token, id] : vocab.items())
    result.set(id.get<int64_t>(), token, 0, GgufTokenType::Normal, files.path);
  const auto named = files.named_tokens();
  for (const std::string& token : named) {
    if (const auto id = tokenizer->token_to_id(token))
      result.set(*id, token, 0, GgufTokenType::Control, files.path);
  }
  for (const AddedToken& token : files.added) {
    const auto id = tokenizer->token_to_id(token.content);
    require(id.has_value(), ErrorCode::Internal, "{}: an added token has no id", files.path);
    std::string text = token.content;
    // llama.cpp looks for it in a text that nothing was done to.
    if (!token.normalized) text = tokenizer->decode(tokenizer->encode(text, false), false);
    const bool special = token.special || named.contains(token.content) || looks_special(text);
    result.set(*id, special ? text : with_spaces(text), 0,
               special ? GgufTokenType::Control : GgufTokenType::User, files.path);
  }
  result.merges = read_merges(files);
  return result;
}

}  // namespace mpq
