#pragma once
// Reads what a GGUF header is made of, never past its end.
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "mpq/core/error.h"
#include "mpq/io/gguf.h"

namespace mpq {

class GgufCursor {
 public:
  /// `path` is for messages.
  GgufCursor(std::span<const uint8_t> bytes, const std::string& path)
      : bytes_(bytes), path_(path) {}

  uint64_t position() const { return at_; }
  /// A number; `what` is it for messages. Throws Error(Format) at the end, as all of them.
  template <class T>
  T number(const std::string& what) {
    T value{};
    std::memcpy(&value, take(sizeof(T), what), sizeof(T));
    return value;
  }
  std::string text(const std::string& what);
  /// A count of things of at least `smallest` bytes each: no more than fit into what is left.
  uint64_t count(const std::string& what, uint64_t smallest);
  /// A type's number and the value.
  GgufValue value(const std::string& what);

 private:
  const uint8_t* take(uint64_t size, const std::string& what);
  template <class T>
  T scalar(const std::string& what);
  GgufArray array(const std::string& what);

  std::span<const uint8_t> bytes_;
  const std::string& path_;
  uint64_t at_ = 0;
};

}  // namespace mpq
