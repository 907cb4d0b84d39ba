#pragma once
// SHA-256 of bytes and files, as lower-case hex.
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace mpq {

/// Streaming SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(const void* data, size_t size);
  void update(std::string_view text) { update(text.data(), text.size()); }
  /// The digest as 64 hex digits; call once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_of(std::string_view text);
/// Throws Error(Io) when the file cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace mpq
