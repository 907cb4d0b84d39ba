#pragma once
// Values of a GGUF file's metadata, each checked before it is used.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mpq/core/error.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// What is not there is nullopt from find_*() and Error(Format) from the others; a value of another
/// type or out of range is Error(Format) naming the file, the key, what was expected and found.
class MetadataReader {
 public:
  /// Both must outlive the reader. `prefix` stands before every key that begins with a dot.
  MetadataReader(const GgufMetadata& metadata, const std::string& path, std::string prefix = "")
      : metadata_(metadata), path_(path), prefix_(std::move(prefix)) {}

  /// "FILE: \"KEY\"", with which messages begin.
  std::string where(std::string_view key) const;
  bool has(std::string_view key) const { return value(key) != nullptr; }
  /// 0 to 2^31 - 1, whatever type of integer holds it.
  std::optional<int64_t> find_whole(std::string_view key) const;
  int64_t whole(std::string_view key) const;
  /// A finite number; of a float the shortest decimal that rounds to it.
  std::optional<double> find_real(std::string_view key) const;
  double real(std::string_view key) const;
  std::optional<bool> find_flag(std::string_view key) const;
  /// UTF-8.
  std::optional<std::string> find_text(std::string_view key) const;
  std::string text(std::string_view key) const;
  /// Arrays live as long as the metadata; each text is UTF-8, each float is finite.
  const std::vector<std::string>& texts(std::string_view key) const;
  const std::vector<int32_t>& integers(std::string_view key) const;
  const std::vector<float>& floats(std::string_view key) const;
  const std::vector<bool>& flags(std::string_view key) const;

 private:
  const GgufValue* value(std::string_view key) const;
  template <class T>
  const std::vector<T>& array(std::string_view key, const char* expected) const;
  [[noreturn]] void wrong(std::string_view key, std::string_view expected) const;

  const GgufMetadata& metadata_;
  const std::string& path_;
  std::string prefix_;
};

/// The shortest decimal that rounds to this float, as a double: 1e-05, not 9.99999974e-06.
double shortest_decimal(float value);

}  // namespace mpq
