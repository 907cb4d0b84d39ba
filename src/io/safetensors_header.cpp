// Checks a safetensors header: every value's type, shapes against offsets, offsets against the
// file.
#include "safetensors_header.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "dtype_names.h"
#include "mpq/core/error.h"
#include "strict_json.h"

namespace mpq {
namespace {

using StrictJson = nlohmann::json;

constexpr size_t kMaxDepth = 3;  // the header, a tensor, its shape
constexpr size_t kMaxDimensions = 64;
constexpr uint64_t kMaxBytes = uint64_t{1} << 62;

const StrictJson& member(const StrictJson& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  require(found != entry.end(), ErrorCode::Format, "{}: \"{}\" is missing", where, key);
  return *found;
}

std::vector<uint64_t> whole_numbers(const StrictJson& entry, const char* key,
                                    const std::string& where) {
  const StrictJson& list = member(entry, key, where);
  if (!list.is_array())
    fail(ErrorCode::Format, "{}: \"{}\" is {}, expected a list", where, key, shown_value(list));
  std::vector<uint64_t> values;
  for (const auto& value : list) {
    if (!value.is_number_unsigned())
      fail(ErrorCode::Format, "{}: \"{}\" holds {}, expected whole numbers >= 0", where, key,
           shown_value(value));
    values.push_back(value.get<uint64_t>());
  }
  return values;
}

at::ScalarType parse_dtype(const StrictJson& entry, const std::string& where) {
  const StrictJson& value = member(entry, "dtype", where);
  const auto dtype =
      value.is_string() ? dtype_from_name(value.get_ref<const std::string&>()) : std::nullopt;
  if (!dtype)
    fail(ErrorCode::Format, "{}: dtype {} is not known, expected one of {}", where,
         shown_value(value), dtype_names());
  return *dtype;
}

TensorEntry parse_entry(const StrictJson& json, const std::string& where, uint64_t data_bytes) {
  if (!json.is_object())
    fail(ErrorCode::Format, "{}: found {}, expected an object; \"dtype\" is missing", where,
         shown_value(json));
  TensorEntry entry;
  entry.dtype = parse_dtype(json, where);
  const auto shape = whole_numbers(json, "shape", where);
  require(shape.size() <= kMaxDimensions, ErrorCode::Format,
          "{}: the shape has {} dimensions, expected at most {}", where, shape.size(),
          kMaxDimensions);
  // Strides are made of the other sizes even where one size is 0: their product counts as well.
  uint64_t extent = c10::elementSize(entry.dtype);
  bool empty = false;
  for (const uint64_t size : shape) {
    const bool fits =
        !__builtin_mul_overflow(extent, std::max<uint64_t>(size, 1), &extent) && extent < kMaxBytes;
    if (!fits)
      fail(ErrorCode::Format, "{}: the shape {} is too large", where,
           shown_value(json.at("shape")));
    empty = empty || size == 0;
    entry.shape.push_back(static_cast<int64_t>(size));
  }
  const auto offsets = whole_numbers(json, "data_offsets", where);
  const bool inside = offsets.size() == 2 && offsets[0] <= offsets[1] && offsets[1] <= data_bytes;
  if (!inside)
    fail(ErrorCode::Format, "{}: data_offsets {} do not lie within the {} bytes of data", where,
         shown_value(json.at("data_offsets")), data_bytes);
  entry.begin = offsets[0];
  entry.end = offsets[1];
  const uint64_t bytes = empty ? 0 : extent;
  require(entry.end - entry.begin == bytes, ErrorCode::Format,
          "{}: shape and dtype need {} bytes, data_offsets span {}", where, bytes,
          entry.end - entry.begin);
  return entry;
}

std::map<std::string, std::string> parse_metadata(const StrictJson& json, const std::string& path) {
  require(json.is_object(), ErrorCode::Format, "{}: __metadata__ is not an object", path);
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : json.items()) {
    if (!text.is_string())
      fail(ErrorCode::Format, "{}: __metadata__ \"{}\" is {}, not a string", path, shown(key),
           shown_value(text));
    metadata.emplace(key, text.get_ref<const std::string&>());
  }
  return metadata;
}

/// Tensors must tile the data: no overlap, no hole, nothing after the last.
void check_tiling(const std::map<std::string, TensorEntry>& tensors, uint64_t data_bytes,
                  const std::string& path) {
  std::vector<std::pair<const TensorEntry*, const std::string*>> order;
  order.reserve(tensors.size());
  for (const auto& [name, entry] : tensors) order.emplace_back(&entry, &name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
  });
  uint64_t end = 0;
  for (const auto& [entry, name] : order) {
    if (entry->begin != end)
      fail(ErrorCode::Format,
           "{}: tensor {} begins at byte {} of the data, expected {}: tensors {}", path,
           shown(*name), entry->begin, end, entry->begin < end ? "overlap" : "leave a hole");
    end = entry->end;
  }
  require(end == data_bytes, ErrorCode::Format,
          "{}: the tensors take {} bytes, the file holds {}; it has bytes to spare at its end",
          path, end, data_bytes);
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                           const std::string& path) {
  const StrictJson json = parse_strict_json(text, path + ": the header", kMaxDepth);
  require(json.is_object(), ErrorCode::Format, "{}: the header is not a JSON object", path);
  SafetensorsHeader header;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      header.metadata = parse_metadata(value, path);
    } else {
      const std::string where = fmt::format("{}: tensor {}", path, shown(name));
      header.tensors.emplace(name, parse_entry(value, where, data_bytes));
    }
  }
  check_tiling(header.tensors, data_bytes, path);
  return header;
}

}  // namespace mpq
