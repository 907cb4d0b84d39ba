// The vocabulary, byte tokens, and the choice of the model.
#include "model.h"

#include <limits>

#include "mpq/core/error.h"

namespace mpq::text {

void Vocabulary::add(std::string token, int64_t id, const std::string& where) {
  require(id >= 0 && id < std::numeric_limits<int32_t>::max(), ErrorCode::Format,
          "{}: the token \"{}\" has the id {}, expected 0 to 2^31 - 2", where, token, id);
  const auto [entry, added] = tokens_.emplace(static_cast<int32_t>(id), std::move(token));
  require(added, ErrorCode::Format, "{}: the id {} stands for two tokens", where, id);
  ids_.insert_or_assign(entry->second, entry->first);
  id_end_ = std::max(id_end_, static_cast<int32_t>(id) + 1);
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string* Vocabulary::token(int32_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

std::vector<int32_t> byte_token_ids(const Vocabulary& vocabulary) {
  std::vector<int32_t> ids;
  for (int byte = 0; byte < 256; ++byte) {
    ids.push_back(vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
  }
  return ids;
}

bool append_byte_tokens(std::string_view text, const std::vector<int32_t>& byte_ids,
                        std::vector<int32_t>& ids) {
  for (const char c : text) {
    if (byte_ids[static_cast<unsigned char>(c)] < 0) return false;
  }
  for (const char c : text) ids.push_back(byte_ids[static_cast<unsigned char>(c)]);
  return true;
}

std::unique_ptr<Model> make_model(const TokenizerJson& file) {
  const std::string where = file.path + ": model";
  const Json& model = file.components.at("model");
  // Files of old versions do not name the type.
  const auto type = json_get_or<std::string>(model, "type",
                                             file.vocab.is_array()   ? "Unigram"
                                             : file.merges.is_null() ? "WordLevel"
                                                                     : "BPE",
                                             where);
  if (type == "BPE") return make_bpe(file, where);
  if (type == "Unigram") return make_unigram(file, where);
  fail(ErrorCode::Unsupported, "{}: the type \"{}\" is not supported; supported: BPE, Unigram",
       where, type);
}

}  // namespace mpq::text
