#pragma once
// A half-open range of bytes of a text.
#include <cstddef>
#include <string_view>

namespace mpq::text {

struct Span {
  size_t begin = 0;
  size_t end = 0;

  bool empty() const { return begin == end; }
  std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
};

}  // namespace mpq::text
