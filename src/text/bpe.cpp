// Byte-pair encoding as the tokenizers library does it, with byte fallback and unknown tokens.
#include "merges.h"
#include "model.h"
#include "mpq/core/error.h"
#include "utf8.h"

namespace mpq::text {
namespace {

class Bpe : public Model {
 public:
  Bpe(const TokenizerJson& file, const std::string& where)
      : options_(file.components.at("model")),
        vocabulary_(read_vocabulary(file, where)),
        prefix_(json_get_or<std::string>(options_, "continuing_subword_prefix", "", where)),
        suffix_(json_get_or<std::string>(options_, "end_of_word_suffix", "", where)),
        merges_(file.merges, vocabulary_, prefix_, where),
        fuse_unknown_(json_get_or<bool>(options_, "fuse_unk", false, where)),
        ignore_merges_(json_get_or<bool>(options_, "ignore_merges", false, where)) {
    const double dropout = json_get_or<double>(options_, "dropout", 0.0, where);
    require(dropout == 0.0, ErrorCode::Unsupported,
            "{}: \"dropout\" is {}, which makes encoding random; set it to null", where, dropout);
    if (json_get_or<bool>(options_, "byte_fallback", false, where)) {
      byte_ids_ = byte_token_ids(vocabulary_);
    }
    const auto unknown = json_get_or<std::string>(options_, "unk_token", "", where);
    if (!unknown.empty()) {
      const auto id = vocabulary_.find(unknown);
      require(id.has_value(), ErrorCode::Format,
              "{}: the \"unk_token\" \"{}\" is not in the vocabulary", where, unknown);
      unknown_ = *id;
    }
    vocabulary_.for_each([&](const std::string& token, int32_t id) {
      size_t at = 0;
      if (token.empty()) return;
      const char32_t character = next_code_point(token, at);
      if (at == token.size()) characters_.set(character, id);
    });
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }

  void encode(std::string_view word, std::vector<int32_t>& ids) const override {
    if (ignore_merges_) {
      if (const auto id = vocabulary_.find(word)) {
        ids.push_back(*id);
        return;
      }
    }
    Run run{*this, ids, {}, -1};
    char32_t previous = 0;
    bool previous_known = false;
    for (size_t at = 0; at < word.size();) {
      const size_t begin = at;
      const char32_t character = next_code_point(word, at);
      const int32_t id = symbol(word, begin, at, character);
      // A cut between known characters that no merge joins leaves every merge as it is.
      if (previous_known && id >= 0 && prefix_.empty() && suffix_.empty() &&
          !merges_.may_join(previous, character)) {
        run.merge();
      }
      if (id >= 0) {
        run.flush_unknown();
        run.symbols.push_back(id);
      } else if (byte_ids_.empty() ||
                 !append_byte_tokens(spelling(word, begin, at), byte_ids_, run.symbols)) {
        run.add_unknown();
      }
      previous = character;
      previous_known = id >= 0;
    }
    run.flush_unknown();
    run.merge();
  }

 private:
  // The word in hand: symbols not merged yet, and an unknown token that waits for its neighbours.
  struct Run {
    const Bpe& bpe;
    std::vector<int32_t>& ids;
    std::vector<int32_t> symbols;
    int32_t pending;

    void merge() {
      if (symbols.empty()) return;
      bpe.merges_.apply(symbols);
      ids.insert(ids.end(), symbols.begin(), symbols.end());
      symbols.clear();
    }
    void flush_unknown() {
      if (pending >= 0) symbols.push_back(pending);
      pending = -1;
    }
    void add_unknown() {
      if (bpe.unknown_ < 0) return;  // without an unknown token the character is dropped
      if (!bpe.fuse_unknown_) flush_unknown();
      pending = bpe.unknown_;
    }
  };

  static Vocabulary read_vocabulary(const TokenizerJson& file, const std::string& where) {
    require(file.vocab.is_object(), ErrorCode::Format,
            "{}: \"vocab\" is not an object of tokens and ids", where);
    Vocabulary vocabulary;
    for (const auto& [token, id] : file.vocab.items()) {
      require(id.is_number_integer(), ErrorCode::Format, "{}: the token \"{}\" has no integer id",
              where, token);
      vocabulary.add(token, id.get<int64_t>(), where);
    }
    return vocabulary;
  }

  // A character as the vocabulary writes it at its place in the word.
  std::string spelling(std::string_view word, size_t begin, size_t end) const {
    std::string text(word.substr(begin, end - begin));
    if (begin > 0) text = prefix_ + text;
    if (end == word.size()) text += suffix_;
    return text;
  }

  int32_t symbol(std::string_view word, size_t begin, size_t end, char32_t character) const {
    if (prefix_.empty() && suffix_.empty()) {
      const int32_t* id = characters_.find(character);
      return id ? *id : -1;
    }
    return vocabulary_.find(spelling(word, begin, end)).value_or(-1);
  }

  Json options_;
  Vocabulary vocabulary_;
  std::string prefix_, suffix_;
  Merges merges_;
  FlatMap<int32_t> characters_;    // tokens of one code point
  std::vector<int32_t> byte_ids_;  // empty without byte_fallback
  int32_t unknown_ = -1;
  bool fuse_unknown_, ignore_merges_;
};

}  // namespace

std::unique_ptr<Model> make_bpe(const TokenizerJson& file, const std::string& where) {
  return std::make_unique<Bpe>(file, where);
}

}  // namespace mpq::text
