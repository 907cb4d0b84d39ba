// The tokenizer: added tokens, normalizer, pre-tokenizer, model and post-processor in their order.
#include "mpq/text/tokenizer.h"

#include <algorithm>

#include "added_tokens.h"
#include "decoder.h"
#include "model.h"
#include "mpq/core/error.h"
#include "normalizer.h"
#include "post_processor.h"
#include "pre_tokenizer.h"
#include "utf8.h"

namespace mpq {
namespace {

using namespace text;

// "truncation" and "padding" of the file concern batches; ids of a text are whole here.
class JsonTokenizer : public Tokenizer {
 public:
  explicit JsonTokenizer(const TokenizerJson& file)
      : path_(file.path),
        model_(make_model(file)),
        normalizer_(make_normalizer(component(file, "normalizer"), path_ + ": normalizer")),
        pre_tokenizer_(
            make_pre_tokenizer(component(file, "pre_tokenizer"), path_ + ": pre_tokenizer")),
        post_processor_(
            make_post_processor(component(file, "post_processor"), path_ + ": post_processor")),
        decoder_(make_decoder(component(file, "decoder"), path_ + ": decoder")),
        added_(file, model_->vocabulary(), normalizer_.get()) {
    for (const auto* ids : {&post_processor_.before, &post_processor_.after}) {
      for (const int32_t id : *ids)
        require(id < vocab_size(), ErrorCode::Format,
                "{}: the post-processor adds the id {}; ids end at {}", path_, id, vocab_size());
    }
  }

  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    if (invalid_utf8_at(text) != text.npos) {
      return encode(repaired_utf8(text), add_special_tokens);
    }
    std::vector<int32_t> ids;
    ids.reserve(text.size() / 3);
    if (add_special_tokens) ids = post_processor_.before;
    for (const Segment& segment : added_.split(text, false)) {
      if (segment.id >= 0) {
        ids.push_back(segment.id);
      } else {
        encode_raw(segment.span.of(text), segment.span.begin == 0, ids);
      }
    }
    if (add_special_tokens) {
      ids.insert(ids.end(), post_processor_.after.begin(), post_processor_.after.end());
    }
    return ids;
  }

  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const override {
    std::vector<std::string> tokens;
    for (const int32_t id : ids) {
      const std::string* token = added_.token(id);
      if (token && skip_special_tokens && added_.is_special(id)) continue;
      if (!token) token = model_->vocabulary().token(id);
      require(token != nullptr, ErrorCode::Usage, "{}: no token has the id {}; ids end at {}",
              path_, id, vocab_size());
      tokens.push_back(*token);
    }
    if (decoder_) decoder_->apply(tokens);
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!decoder_ && i > 0) text += ' ';
      text += tokens[i];
    }
    return text;
  }

  std::optional<int32_t> token_to_id(std::string_view token) const override {
    const int32_t added = added_.find(token);
    if (added >= 0) return added;
    return model_->vocabulary().find(token);
  }

  int32_t vocab_size() const override {
    return std::max(model_->vocabulary().id_end(), added_.id_end());
  }

 private:
  static Json component(const TokenizerJson& file, const char* key) {
    return json_get_or<Json>(file.components, key, Json(), file.path);
  }

  void encode_raw(std::string_view raw, bool starts_document, std::vector<int32_t>& ids) const {
    std::string text(raw);
    if (normalizer_) normalizer_->apply(text);
    for (const Segment& segment : added_.split(text, true)) {
      if (segment.id >= 0) {
        ids.push_back(segment.id);
        continue;
      }
      Words words;
      words.starts_document = starts_document && segment.span.begin == 0;
      words.text = segment.span.of(text);
      words.spans = {{0, words.text.size()}};
      if (pre_tokenizer_) pre_tokenizer_->apply(words);
      for (const Span& word : words.spans) {
        if (!word.empty()) model_->encode(word.of(words.text), ids);
      }
    }
  }

  std::string path_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Normalizer> normalizer_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  PostProcessor post_processor_;
  std::unique_ptr<Decoder> decoder_;
  AddedTokens added_;
};

}  // namespace

std::unique_ptr<Tokenizer> Tokenizer::load(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json";
  return std::make_unique<JsonTokenizer>(text::read_tokenizer_json(path));
}

}  // namespace mpq
