#pragma once
// Pre-tokenizers: a normalized text cut into the words that the model sees.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mpq/core/json_file.h"
#include "span.h"

namespace mpq::text {

/// Words as ranges of one text, so that a document of megabytes costs no string a word.
struct Words {
  std::string text;
  std::vector<Span> spans;
  bool starts_document = true;  // byte 0 of `text` is where the document began

  /// True for the word at the very start of the document (Metaspace's "first").
  bool is_first(size_t index) const { return starts_document && spans[index].begin == 0; }

  /// Cuts every word: cut(word, parts) appends ranges of the word.
  template <class Cut>
  void cut(Cut&& cut) {
    std::vector<Span> result, parts;
    result.reserve(spans.size());
    for (const Span& span : spans) {
      parts.clear();
      cut(span.of(text), parts);
      for (const Span& part : parts) {
        result.push_back({span.begin + part.begin, span.begin + part.end});
      }
    }
    spans = std::move(result);
  }

  /// Rewrites every word: rewrite(word, is_first, out) appends what it becomes.
  template <class Rewrite>
  void rewrite(Rewrite&& rewrite) {
    std::string out;
    out.reserve(text.size() + text.size() / 2);
    const bool started = !spans.empty() && is_first(0);
    for (size_t i = 0; i < spans.size(); ++i) {
      const size_t begin = out.size();
      rewrite(spans[i].of(text), is_first(i), out);
      spans[i] = {begin, out.size()};
    }
    text = std::move(out);
    starts_document = started;
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Thread-safe.
  virtual void apply(Words& words) const = 0;
};

/// Null for a null component. To add one: a class and a line of make_pre_tokenizer.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& component, const std::string& where);

/// How Metaspace and its decoder prepend, from "prepend_scheme" or the older "add_prefix_space".
enum class PrependScheme { Always, First, Never };
PrependScheme metaspace_scheme(const Json& component, const std::string& where);

}  // namespace mpq::text
