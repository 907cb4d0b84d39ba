#pragma once
// Hugging Face tokenizer.json in C++: ids equal those of the `tokenizers` library.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpq {

class Tokenizer {
 public:
  /// Reads FOLDER/tokenizer.json. Throws Error(Io) when absent, Error(Format) when malformed,
  /// Error(Unsupported) naming the component that is not known.
  static std::unique_ptr<Tokenizer> load(const std::string& folder);
  virtual ~Tokenizer() = default;

  /// Ids of a text (UTF-8; invalid bytes are replaced by U+FFFD), with the post-processor's special
  /// tokens when asked for. Linear in the length of the text. Thread-safe.
  virtual std::vector<int32_t> encode(std::string_view text,
                                      bool add_special_tokens = true) const = 0;
  /// Text of ids; ids that are not in the vocabulary are Error(Usage).
  virtual std::string decode(std::span<const int32_t> ids,
                             bool skip_special_tokens = true) const = 0;
  virtual std::optional<int32_t> token_to_id(std::string_view token) const = 0;
  /// Number of ids, added tokens included.
  virtual int32_t vocab_size() const = 0;
};

}  // namespace mpq
