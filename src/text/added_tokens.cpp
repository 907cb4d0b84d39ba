// Finding added tokens: the leftmost, then the longest; white space around them as they ask.
#include "added_tokens.h"

#include <algorithm>

#include "mpq/core/error.h"
#include "unicode.h"
#include "utf8.h"

namespace mpq::text {
namespace {

bool ends_with_word(std::string_view text) {
  size_t end = text.size();
  return !text.empty() && is_word(previous_code_point(text, end));
}

bool starts_with_word(std::string_view text) {
  size_t at = 0;
  return !text.empty() && is_word(next_code_point(text, at));
}

size_t without_trailing_space(std::string_view text, size_t end) {
  while (end > 0) {
    size_t previous = end;
    if (!is_white_space(previous_code_point(text, previous))) break;
    end = previous;
  }
  return end;
}

size_t behind_leading_space(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if (!is_white_space(next_code_point(text, next))) break;
    at = next;
  }
  return at;
}

}  // namespace

void AddedTokens::Finder::add(std::string_view pattern, size_t index) {
  if (pattern.empty()) return;
  trie.add(pattern, static_cast<int32_t>(index));
  first_bytes[static_cast<unsigned char>(pattern[0])] = true;
  empty = false;
}

AddedTokens::AddedTokens(const TokenizerJson& file, const Vocabulary& vocabulary,
                         const Normalizer* normalizer) {
  const auto list = json_get_or<Json>(file.components, "added_tokens", Json::array(), file.path);
  require(list.is_array(), ErrorCode::Format, "{}: \"added_tokens\" is not an array", file.path);
  for (const Json& entry : list) {
    const std::string where = fmt::format("{}: added_tokens[{}]", file.path, tokens_.size());
    Token token = read(entry, vocabulary, where);
    if (json_get_or<bool>(entry, "special", false, where)) special_.insert(token.id);
    token.written = token.content;
    if (token.normalized && normalizer) normalizer->apply(token.written);
    (token.normalized ? normalized_ : raw_).add(token.written, tokens_.size());
    by_id_[token.id] = tokens_.size();
    id_end_ = std::max(id_end_, token.id + 1);
    tokens_.push_back(std::move(token));
  }
}

AddedTokens::Token AddedTokens::read(const Json& entry, const Vocabulary& vocabulary,
                                     const std::string& where) {
  Token token;
  token.content = json_get<std::string>(entry, "content", where);
  // The file's ids only order the tokens: those not in the model follow it without a gap.
  json_get<int64_t>(entry, "id", where);
  const int32_t next = std::max(static_cast<int32_t>(vocabulary.size()), id_end_);
  const int32_t known = find(token.content);
  token.id = known >= 0 ? known : vocabulary.find(token.content).value_or(next);
  const bool special = json_get_or<bool>(entry, "special", false, where);
  token.single_word = json_get_or<bool>(entry, "single_word", false, where);
  token.lstrip = json_get_or<bool>(entry, "lstrip", false, where);
  token.rstrip = json_get_or<bool>(entry, "rstrip", false, where);
  token.normalized = json_get_or<bool>(entry, "normalized", !special, where);
  return token;
}

std::vector<Segment> AddedTokens::split(std::string_view text, bool is_normalized) const {
  const Finder& finder = is_normalized ? normalized_ : raw_;
  std::vector<Segment> segments;
  size_t done = 0;
  for (size_t at = 0; at < text.size() && !finder.empty;) {
    if (!finder.first_bytes[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    size_t length = 0;
    const Token* token = nullptr;
    finder.trie.visit_prefixes(text, at, [&](size_t matched, int32_t index) {
      length = matched;
      token = &tokens_[static_cast<size_t>(index)];
    });
    if (!token) {
      ++at;
      continue;
    }
    Span span{at, at + length};
    at += length;
    if (token->single_word &&
        (ends_with_word(text.substr(0, span.begin)) || starts_with_word(text.substr(span.end)))) {
      continue;
    }
    if (token->lstrip) span.begin = std::max(without_trailing_space(text, span.begin), done);
    if (token->rstrip) span.end = behind_leading_space(text, span.end);
    if (done < span.begin) segments.push_back({{done, span.begin}, -1});
    segments.push_back({span, token->id});
    done = span.end;
  }
  if (done < text.size()) segments.push_back({{done, text.size()}, -1});
  return segments;
}

int32_t AddedTokens::find(std::string_view token) const {
  for (const Token& candidate : tokens_) {
    if (candidate.content == token) return candidate.id;
  }
  return -1;
}

const std::string* AddedTokens::token(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second].written;
}

}  // namespace mpq::text
