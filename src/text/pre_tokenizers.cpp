// The pre-tokenizers of tokenizer.json.
#include <algorithm>

#include "byte_level.h"
#include "mpq/core/error.h"
#include "pattern.h"
#include "pre_tokenizer.h"
#include "tokenizer_json.h"
#include "unicode.h"

namespace mpq::text {
namespace {

constexpr const char* kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class Split : public PreTokenizer {
 public:
  Split(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, bool invert = false)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(Words& words) const override {
    words.cut([&](std::string_view word, std::vector<Span>& parts) {
      split(word, *pattern_, behavior_, invert_, parts);
    });
  }

 private:
  std::unique_ptr<Pattern> pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(const Json& component, const std::string& where)
      : add_prefix_space_(json_get_or<bool>(component, "add_prefix_space", true, where)) {
    if (json_get_or<bool>(component, "use_regex", true, where)) {
      words_ =
          std::make_unique<Split>(make_regex_pattern(kGpt2Words, where), SplitBehavior::Isolated);
    }
  }
  void apply(Words& words) const override {
    if (add_prefix_space_) {
      words.rewrite([](std::string_view word, bool, std::string& out) {
        if (word.substr(0, 1) != " ") out += ' ';
        out += word;
      });
    }
    if (words_) words_->apply(words);
    words.rewrite(
        [](std::string_view word, bool, std::string& out) { append_byte_level(out, word); });
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<Split> words_;
};

class Metaspace : public PreTokenizer {
 public:
  Metaspace(const Json& component, const std::string& where)
      : replacement_(one_character(component, "replacement", where)),
        scheme_(metaspace_scheme(component, where)),
        space_(make_pattern(" ", where)) {
    if (json_get_or<bool>(component, "split", true, where)) {
      words_ =
          std::make_unique<Split>(make_pattern(replacement_, where), SplitBehavior::MergedWithNext);
    }
  }
  void apply(Words& words) const override {
    words.rewrite([&](std::string_view word, bool is_first, std::string& out) {
      const std::string marked = replaced(word, *space_, replacement_);
      const bool wanted =
          scheme_ == PrependScheme::Always || (scheme_ == PrependScheme::First && is_first);
      if (wanted && marked.compare(0, replacement_.size(), replacement_) != 0) out += replacement_;
      out += marked;
    });
    if (words_) words_->apply(words);
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  std::unique_ptr<Pattern> space_;
  std::unique_ptr<Split> words_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  PreTokenizerSequence(const Json& component, const std::string& where) {
    for (const Json& part : component_list(component, "pretokenizers", where)) {
      if (auto made = make_pre_tokenizer(part, where)) parts_.push_back(std::move(made));
    }
  }
  void apply(Words& words) const override {
    for (const auto& part : parts_) part->apply(words);
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

SplitBehavior behavior_of(const Json& component, const std::string& where) {
  return parse_split_behavior(json_get<std::string>(component, "behavior", where), where);
}

}  // namespace

PrependScheme metaspace_scheme(const Json& component, const std::string& where) {
  const bool old = json_get_or<bool>(component, "add_prefix_space", true, where);
  const auto scheme =
      json_get_or<std::string>(component, "prepend_scheme", old ? "always" : "never", where);
  if (scheme == "always") return PrependScheme::Always;
  if (scheme == "first") return PrependScheme::First;
  require(scheme == "never", ErrorCode::Unsupported,
          "{}: \"prepend_scheme\" is \"{}\", expected always, first or never", where, scheme);
  return PrependScheme::Never;
}

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& component, const std::string& where) {
  if (component.is_null()) return nullptr;
  const std::string type = component_type(component, where);
  if (type == "Sequence") return std::make_unique<PreTokenizerSequence>(component, where);
  if (type == "ByteLevel") return std::make_unique<ByteLevel>(component, where);
  if (type == "Metaspace") return std::make_unique<Metaspace>(component, where);
  if (type == "Split") {
    return std::make_unique<Split>(make_pattern(json_get<Json>(component, "pattern", where), where),
                                   behavior_of(component, where),
                                   json_get_or<bool>(component, "invert", false, where));
  }
  if (type == "Digits") {
    const bool individual = json_get_or<bool>(component, "individual_digits", false, where);
    return std::make_unique<Split>(make_class_pattern(is_numeric), individual
                                                                       ? SplitBehavior::Isolated
                                                                       : SplitBehavior::Contiguous);
  }
  if (type == "WhitespaceSplit") {
    return std::make_unique<Split>(make_class_pattern(is_white_space), SplitBehavior::Removed);
  }
  if (type == "Whitespace") {
    return std::make_unique<Split>(
        make_regex_pattern(R"([\w\x{200c}\x{200d}]+|[^\w\s\x{200c}\x{200d}]+)", where),
        SplitBehavior::Removed, true);
  }
  if (type == "Punctuation") {
    const bool given = component.contains("behavior");
    return std::make_unique<Split>(make_class_pattern(is_punctuation),
                                   given ? behavior_of(component, where) : SplitBehavior::Isolated);
  }
  fail(ErrorCode::Unsupported,
       "{}: the pre-tokenizer \"{}\" is not supported; supported: ByteLevel, Split, Digits, "
       "Metaspace, Whitespace, WhitespaceSplit, Punctuation, Sequence",
       where, type);
}

}  // namespace mpq::text
