// Reads safetensors: no byte of the header is believed before it is checked.
#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "dtype_names.h"
#include "mapped_file.h"
#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;

/// Parses the header with duplicate keys refused and nesting bounded (a header has three levels).
Json parse_header(const char* begin, uint64_t size, const std::string& path) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    require(depth <= 4, ErrorCode::Format, "{}: the header nests too deep", path);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = parsed.get<std::string>();
      require(keys.back().insert(key).second, ErrorCode::Format,
              "{}: the header names \"{}\" twice", path, key);
    }
    return true;
  };
  try {
    return Json::parse(begin, begin + size, check);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::Format, "{}: the header is not JSON; the file is damaged", path);
  }
}

TensorEntry parse_entry(const Json& json, const std::string& where, uint64_t data_size) {
  TensorEntry entry;
  const auto name = json_get<std::string>(json, "dtype", where);
  const auto dtype = dtype_from_name(name);
  require(dtype.has_value(), ErrorCode::Format, "{}: dtype \"{}\" is not known", where, name);
  entry.dtype = *dtype;
  const auto integers = [&](const char* key) {
    std::vector<uint64_t> values;
    const auto list = json_get<Json>(json, key, where);
    require(list.is_array(), ErrorCode::Format, "{}: \"{}\" is not a list", where, key);
    for (const auto& value : list) {
      require(value.is_number_unsigned(), ErrorCode::Format,
              "{}: \"{}\" holds {}, expected whole numbers >= 0", where, key, value.dump());
      values.push_back(value.get<uint64_t>());
    }
    return values;
  };
  uint64_t bytes = c10::elementSize(entry.dtype);
  for (const uint64_t size : integers("shape")) {
    require(size < (uint64_t{1} << 62) && !__builtin_mul_overflow(bytes, size, &bytes) &&
                bytes < (uint64_t{1} << 62),
            ErrorCode::Format, "{}: the shape is too large", where);
    entry.shape.push_back(static_cast<int64_t>(size));
  }
  const auto offsets = integers("data_offsets");
  require(offsets.size() == 2 && offsets[0] <= offsets[1] && offsets[1] <= data_size,
          ErrorCode::Format, "{}: data_offsets {} do not lie within the {} bytes of data", where,
          json.at("data_offsets").dump(), data_size);
  entry.begin = offsets[0];
  entry.end = offsets[1];
  require(entry.end - entry.begin == bytes, ErrorCode::Format,
          "{}: shape and dtype need {} bytes, data_offsets span {}", where, bytes,
          entry.end - entry.begin);
  return entry;
}

/// Tensors must tile the data: no overlap, no hole, nothing after the last.
void check_tiling(const std::map<std::string, TensorEntry>& tensors, uint64_t data_size,
                  const std::string& path) {
  std::vector<std::pair<const TensorEntry*, const std::string*>> order;
  for (const auto& [name, entry] : tensors) order.emplace_back(&entry, &name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
  });
  uint64_t end = 0;
  for (const auto& [entry, name] : order) {
    require(entry->begin == end, ErrorCode::Format,
            "{}: tensor {} begins at byte {} of the data, expected {}: tensors {}", path, *name,
            entry->begin, end, entry->begin < end ? "overlap" : "leave a hole");
    end = entry->end;
  }
  require(end == data_size, ErrorCode::Format,
          "{}: the tensors take {} bytes, the file holds {}; it is truncated or has bytes to spare",
          path, end, data_size);
}

}  // namespace

struct SafetensorsFile::Mapping {
  explicit Mapping(const std::string& name) : path(name), file(name) {}
  std::string path;
  MappedFile file;
  uint64_t data_offset = 0;
};

SafetensorsFile::SafetensorsFile(const std::string& path)
    : mapping_(std::make_shared<Mapping>(path)) {
  const MappedFile& file = mapping_->file;
  require(file.size() >= kLengthBytes, ErrorCode::Format,
          "{}: is {} bytes long, too short for a safetensors file", path, file.size());
  uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), kLengthBytes);
  require(header_size <= kMaxHeader && header_size <= file.size() - kLengthBytes, ErrorCode::Format,
          "{}: the header claims {} bytes, the file holds {}; it is truncated or not safetensors",
          path, header_size, file.size() - kLengthBytes);
  mapping_->data_offset = kLengthBytes + header_size;
  const uint64_t data_size = file.size() - mapping_->data_offset;
  const Json header =
      parse_header(reinterpret_cast<const char*>(file.data()) + kLengthBytes, header_size, path);
  require(header.is_object(), ErrorCode::Format, "{}: the header is not a JSON object", path);
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      require(value.is_object(), ErrorCode::Format, "{}: __metadata__ is not an object", path);
      for (const auto& [key, text] : value.items()) {
        require(text.is_string(), ErrorCode::Format, "{}: __metadata__ \"{}\" is not a string",
                path, key);
        metadata_[key] = text.get<std::string>();
      }
      continue;
    }
    tensors_.emplace(name, parse_entry(value, fmt::format("{}: tensor {}", path, name), data_size));
  }
  check_tiling(tensors_, data_size, path);
}

SafetensorsFile::~SafetensorsFile() = default;

const std::string& SafetensorsFile::path() const { return mapping_->path; }
const std::map<std::string, TensorEntry>& SafetensorsFile::tensors() const { return tensors_; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return metadata_; }
bool SafetensorsFile::contains(const std::string& name) const { return tensors_.count(name) != 0; }

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  require(found != tensors_.end(), ErrorCode::Format, "{}: there is no tensor {}", path(), name);
  const TensorEntry& entry = found->second;
  const auto options = at::TensorOptions().dtype(entry.dtype);
  const uint8_t* data = mapping_->file.data() + mapping_->data_offset + entry.begin;
  if (entry.begin == entry.end) return at::empty(entry.shape, options);
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(entry.dtype) != 0) {
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.data_ptr(), data, entry.end - entry.begin);
    return copy;
  }
  return at::from_blob(
      const_cast<uint8_t*>(data), entry.shape, [keep = mapping_](void*) mutable { keep.reset(); },
      options);
}

}  // namespace mpq
