#pragma once
// Metadata under an architecture's prefix, as they are collected.
#include <cstdint>
#include <string>

#include "mpq/io/gguf.h"

namespace mpq {

class GgufKeys {
 public:
  /// `where` names the checkpoint in errors, and must outlive this.
  GgufKeys(std::string_view architecture, const std::string& where)
      : architecture_(architecture), where_(where) {}
  /// Adds ARCHITECTURE.key. Throws Error(Format) on what 32 bits do not hold.
  void whole(const char* key, int64_t value);
  void real(const char* key, double value);
  void text(const char* key, const std::string& value);
  void flags(const char* key, const std::vector<bool>& values);
  /// Adds general.file_type.
  void file_type(uint32_t value) { result.push_back({"general.file_type", value}); }

  GgufMetadata result;

 private:
  void add(const char* key, GgufValue value);
  std::string architecture_;
  const std::string& where_;
};

}  // namespace mpq
