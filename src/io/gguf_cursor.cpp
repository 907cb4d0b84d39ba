// Bounded reading of numbers, texts, arrays and values.
#include "gguf_cursor.h"

#include <utility>

namespace mpq {
namespace {

/// Calls visit.operator()<I>() for the I that is `index`; false when there is none below `Count`.
template <size_t Count, class Visit>
bool with_index(uint32_t index, Visit&& visit) {
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return ((index == I && (visit.template operator()<I>(), true)) || ...);
  }
  (std::make_index_sequence<Count>());
}

template <class T>
constexpr uint64_t kSmallest = std::is_same_v<T, std::string> ? sizeof(uint64_t) : sizeof(T);

}  // namespace

const uint8_t* GgufCursor::take(uint64_t size, const std::string& what) {
  require(size <= bytes_.size() - at_, ErrorCode::Format,
          "{}: {} at byte {}: expected {} bytes, found {} up to the end; the file is truncated or "
          "damaged",
          path_, what, at_, size, bytes_.size() - at_);
  const uint8_t* begin = bytes_.data() + at_;
  at_ += size;
  return begin;
}

std::string GgufCursor::text(const std::string& what) {
  const auto size = number<uint64_t>(what);
  const auto* begin = reinterpret_cast<const char*>(take(size, what));
  return {begin, static_cast<size_t>(size)};
}

uint64_t GgufCursor::count(const std::string& what, uint64_t smallest) {
  const auto claimed = number<uint64_t>(what);
  const uint64_t left = bytes_.size() - at_;
  require(claimed <= left / smallest, ErrorCode::Format,
          "{}: {}: expected at most {} in the {} bytes that follow, found a count of {}; the file "
          "is truncated or damaged",
          path_, what, left / smallest, left, claimed);
  return claimed;
}

template <class T>
T GgufCursor::scalar(const std::string& what) {
  if constexpr (std::is_same_v<T, std::string>) {
    return text(what);
  } else if constexpr (std::is_same_v<T, bool>) {
    const auto byte = number<uint8_t>(what);
    require(byte <= 1, ErrorCode::Format, "{}: {}: expected a bool of 0 or 1, found {}", path_,
            what, byte);
    return byte == 1;
  } else {
    return number<T>(what);
  }
}

GgufArray GgufCursor::array(const std::string& what) {
  GgufArray result;
  const auto type = number<uint32_t>(what);
  const bool known = with_index<std::variant_size_v<GgufArray>>(type, [&]<size_t I>() {
    using Elements = std::variant_alternative_t<I, GgufArray>;
    if constexpr (std::is_same_v<Elements, std::monostate>) {
      fail(ErrorCode::Format, "{}: {}: expected an array of values, found one of arrays", path_,
           what);
    } else {
      using T = typename Elements::value_type;
      const uint64_t size = count(what, kSmallest<T>);
      Elements elements;
      elements.reserve(static_cast<size_t>(size));
      for (uint64_t i = 0; i < size; ++i) elements.push_back(scalar<T>(what));
      result.emplace<I>(std::move(elements));
    }
  });
  require(known, ErrorCode::Format, "{}: {}: expected an array's type of 0 to 12, found {}", path_,
          what, type);
  return result;
}

GgufValue GgufCursor::value(const std::string& what) {
  GgufValue result;
  const auto type = number<uint32_t>(what);
  const bool known = with_index<std::variant_size_v<GgufValue>>(type, [&]<size_t I>() {
    using T = std::variant_alternative_t<I, GgufValue>;
    if constexpr (std::is_same_v<T, GgufArray>) {
      result.emplace<I>(array(what));
    } else {
      result.emplace<I>(scalar<T>(what));
    }
  });
  require(known, ErrorCode::Format, "{}: {}: expected a value's type of 0 to 12, found {}", path_,
          what, type);
  return result;
}

}  // namespace mpq
