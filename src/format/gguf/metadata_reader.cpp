// Typed access; every message says where, expected and found.
#include "metadata_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpq/core/decimal_point.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace {

constexpr const char* kNames[] = {"uint8",  "int8",    "uint16", "int16", "uint32",
                                  "int32",  "float32", "bool",   "text",  "array",
                                  "uint64", "int64",   "float64"};
constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();

template <class T>
constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// The value in words: "7", "3.5", "\"text\"", "an array of 3 text".
std::string shown(const GgufValue& value) {
  return std::visit(
      []<class T>(const T& held) -> std::string {
        if constexpr (std::is_same_v<T, GgufArray>) {
          const size_t size = std::visit(
              []<class A>(const A& elements) -> size_t {
                if constexpr (std::is_same_v<A, std::monostate>)
                  return 0;
                else
                  return elements.size();
              },
              held);
          return fmt::format("an array of {} {}", size, kNames[held.index()]);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return fmt::format("\"{}\"", repaired_utf8(held.substr(0, 60)));
        } else {
          return fmt::format("{}", held);
        }
      },
      value);
}

}  // namespace

double shortest_decimal(float value) { return decimal_number(fmt::format("{}", value)); }

const GgufValue* MetadataReader::value(std::string_view key) const {
  const bool relative = key.starts_with('.');
  return find_gguf_value(metadata_, relative ? prefix_ + std::string(key) : std::string(key));
}

std::string MetadataReader::where(std::string_view key) const {
  return fmt::format("{}: \"{}{}\"", path_, key.starts_with('.') ? prefix_ : "", key);
}

void MetadataReader::wrong(std::string_view key, std::string_view expected) const {
  const GgufValue* held = value(key);
  fail(ErrorCode::Format, "{}: expected {}, found {}", where(key), expected,
       held == nullptr ? "none" : shown(*held));
}

std::optional<int64_t> MetadataReader::find_whole(std::string_view key) const {
  const GgufValue* held = value(key);
  if (held == nullptr) return std::nullopt;
  const auto number = std::visit(
      []<class T>(const T& found) -> std::optional<int64_t> {
        if constexpr (is_integer<T>) {
          if (std::cmp_greater_equal(found, 0) && std::cmp_less_equal(found, kLargest))
            return static_cast<int64_t>(found);
        }
        return std::nullopt;
      },
      *held);
  if (!number) wrong(key, "a whole number from 0 to 2^31 - 1");
  return number;
}

int64_t MetadataReader::whole(std::string_view key) const {
  const auto number = find_whole(key);
  if (!number) wrong(key, "a whole number");
  return *number;
}

std::optional<double> MetadataReader::find_real(std::string_view key) const {
  const GgufValue* held = value(key);
  if (held == nullptr) return std::nullopt;
  const auto number = std::visit(
      []<class T>(const T& found) -> std::optional<double> {
        if constexpr (std::is_same_v<T, float>)
          return shortest_decimal(found);
        else if constexpr (is_integer<T> || std::is_same_v<T, double>)
          return static_cast<double>(found);
        else
          return std::nullopt;
      },
      *held);
  if (!number || !std::isfinite(*number)) wrong(key, "a finite number");
  return number;
}

double MetadataReader::real(std::string_view key) const {
  const auto number = find_real(key);
  if (!number) wrong(key, "a number");
  return *number;
}

std::optional<bool> MetadataReader::find_flag(std::string_view key) const {
  const GgufValue* held = value(key);
  if (held == nullptr) return std::nullopt;
  const bool* flag = std::get_if<bool>(held);
  if (flag == nullptr) wrong(key, "true or false");
  return *flag;
}

std::optional<std::string> MetadataReader::find_text(std::string_view key) const {
  const GgufValue* held = value(key);
  if (held == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(held);
  if (text == nullptr || invalid_utf8_at(*text) != std::string::npos) wrong(key, "a text in UTF-8");
  return *text;
}

std::string MetadataReader::text(std::string_view key) const {
  const auto text = find_text(key);
  if (!text) wrong(key, "a text");
  return *text;
}

template <class T>
const std::vector<T>& MetadataReader::array(std::string_view key, const char* expected) const {
  const GgufValue* held = value(key);
  const auto* list = held == nullptr ? nullptr : std::get_if<GgufArray>(held);
  const auto* elements = list == nullptr ? nullptr : std::get_if<std::vector<T>>(list);
  if (elements == nullptr) wrong(key, expected);
  return *elements;
}

const std::vector<std::string>& MetadataReader::texts(std::string_view key) const {
  const auto& list = array<std::string>(key, "an array of texts");
  for (size_t i = 0; i < list.size(); ++i) {
    require(invalid_utf8_at(list[i]) == std::string::npos, ErrorCode::Format,
            "{}[{}]: expected UTF-8, found \"{}\"", where(key), i, repaired_utf8(list[i]));
  }
  return list;
}

const std::vector<int32_t>& MetadataReader::integers(std::string_view key) const {
  return array<int32_t>(key, "an array of int32");
}

const std::vector<bool>& MetadataReader::flags(std::string_view key) const {
  return array<bool>(key, "an array of booleans");
}

const std::vector<float>& MetadataReader::floats(std::string_view key) const {
  const auto& list = array<float>(key, "an array of float32");
  for (size_t i = 0; i < list.size(); ++i) {
    require(std::isfinite(list[i]), ErrorCode::Format, "{}[{}]: expected a finite number, found {}",
            where(key), i, list[i]);
  }
  return list;
}

}  // namespace mpq
