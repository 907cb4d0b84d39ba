// Unigram language model tokenization (Kudo 2018): the likeliest cut of a word, by Viterbi.
#include <algorithm>

#include "model.h"
#include "mpq/core/error.h"
#include "span.h"
#include "trie.h"
#include "utf8.h"

namespace mpq::text {
namespace {

constexpr double kUnknownPenalty = 10.0;  // as in SentencePiece

struct Best {
  double score = 0;
  size_t begin = std::string::npos;  // npos: not reached
  int32_t id = -1;
};

class Unigram : public Model {
 public:
  Unigram(const TokenizerJson& file, const std::string& where) {
    const Json& model = file.components.at("model");
    require(file.vocab.is_array(), ErrorCode::Format,
            "{}: \"vocab\" is not an array of [token, score]", where);
    for (const auto& entry : file.vocab) {
      require(entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number(),
              ErrorCode::Format, "{}: \"vocab\"[{}] is not [token, score]", where, scores_.size());
      const auto token = entry[0].get<std::string>();
      const auto id = static_cast<int64_t>(scores_.size());
      vocabulary_.add(token, id, where);
      scores_.push_back(entry[1].get<double>());
      if (!token.empty()) trie_.add(token, static_cast<int32_t>(id));
    }
    require(!scores_.empty(), ErrorCode::Format, "{}: \"vocab\" is empty", where);
    unknown_ = json_get_or<int32_t>(model, "unk_id", -1, where);
    require(unknown_ >= -1 && unknown_ < vocabulary_.id_end(), ErrorCode::Format,
            "{}: \"unk_id\" is {}, expected an id below {}", where, unknown_, scores_.size());
    unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
    if (json_get_or<bool>(model, "byte_fallback", false, where)) {
      byte_ids_ = byte_token_ids(vocabulary_);
    }
    where_ = where;
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }

  void encode(std::string_view word, std::vector<int32_t>& ids) const override {
    const std::vector<Best> best = forward(word);
    std::vector<Span> pieces;  // from the last to the first; neighbouring unknown ones are one
    bool unknown_open = false;
    for (size_t end = word.size(); end > 0; end = best[end].begin) {
      const bool unknown = unknown_ >= 0 && best[end].id == unknown_;
      if (unknown && unknown_open) {
        pieces.back().begin = best[end].begin;
      } else {
        pieces.push_back({best[end].begin, end});
      }
      unknown_open = unknown;
    }
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
      append_piece(piece->of(word), ids);
    }
  }

 private:
  std::vector<Best> forward(std::string_view word) const {
    std::vector<Best> best(word.size() + 1);
    for (size_t at = 0; at < word.size();) {
      size_t next = at;
      next_code_point(word, next);
      const double score = best[at].score;
      bool has_character = false;
      const auto reach = [&](size_t end, double candidate, int32_t id) {
        Best& target = best[end];
        if (target.begin == std::string::npos || candidate > target.score) {
          target = {candidate, at, id};
        }
      };
      trie_.visit_prefixes(word, at, [&](size_t length, int32_t id) {
        reach(at + length, score + scores_[static_cast<size_t>(id)], id);
        has_character = has_character || at + length == next;
      });
      if (!has_character) {
        require(unknown_ >= 0, ErrorCode::Format,
                "{}: a text has a character that no token covers and there is no \"unk_id\"",
                where_);
        reach(next, score + unknown_score_, unknown_);
      }
      at = next;
    }
    return best;
  }

  void append_piece(std::string_view piece, std::vector<int32_t>& ids) const {
    if (const auto id = vocabulary_.find(piece)) {
      ids.push_back(*id);
    } else if (byte_ids_.empty() || !append_byte_tokens(piece, byte_ids_, ids)) {
      ids.push_back(unknown_);
    }
  }

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  Trie trie_;
  int32_t unknown_ = -1;
  double unknown_score_ = 0;
  std::vector<int32_t> byte_ids_;  // empty without byte_fallback
  std::string where_;
};

}  // namespace

std::unique_ptr<Model> make_unigram(const TokenizerJson& file, const std::string& where) {
  return std::make_unique<Unigram>(file, where);
}

}  // namespace mpq::text
