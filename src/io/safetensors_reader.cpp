// Reads safetensors from a mapping: no byte of the header is believed before it is checked.
#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "mapped_file.h"
#include "mpq/core/error.h"
#include "mpq/core/file_kind.h"
#include "mpq/io/safetensors.h"
#include "safetensors_header.h"
#include "strict_json.h"

namespace mpq {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;

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
  const std::string_view begin(reinterpret_cast<const char*>(file.data()), file.size());
  const std::string kind = other_kind(begin);
  require(kind.empty(), ErrorCode::Format, "{}: expected safetensors, found {}", path, kind);
  require(file.size() >= kLengthBytes, ErrorCode::Format,
          "{}: is {} bytes long, too short for a safetensors file", path, file.size());
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), kLengthBytes);
  require(header_bytes <= kMaxHeader && header_bytes <= file.size() - kLengthBytes,
          ErrorCode::Format,
          "{}: the header claims {} bytes, the file holds {}; it is truncated or not safetensors",
          path, header_bytes, file.size() - kLengthBytes);
  mapping_->data_offset = kLengthBytes + header_bytes;
  const auto* text = reinterpret_cast<const char*>(file.data()) + kLengthBytes;
  SafetensorsHeader header =
      parse_safetensors_header({text, header_bytes}, file.size() - mapping_->data_offset, path);
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
}

SafetensorsFile::~SafetensorsFile() = default;

const std::string& SafetensorsFile::path() const { return mapping_->path; }
const std::map<std::string, TensorEntry>& SafetensorsFile::tensors() const { return tensors_; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return metadata_; }
bool SafetensorsFile::contains(const std::string& name) const { return tensors_.contains(name); }

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    fail(ErrorCode::Format, "{}: there is no tensor {}", path(), shown(name));
  const TensorEntry& entry = found->second;
  const auto options = at::TensorOptions().dtype(entry.dtype);
  const uint64_t begin = mapping_->data_offset + entry.begin;
  const uint64_t bytes = entry.end - entry.begin;
  const uint8_t* data = mapping_->file.data() + begin;
  if (bytes == 0) return at::empty(entry.shape, options);
  if (entry.dtype == at::kBool && std::any_of(data, data + bytes, [](auto b) { return b > 1; }))
    fail(ErrorCode::Format, "{}: tensor {}: a BOOL is neither 0 nor 1; the file is damaged", path(),
         shown(name));
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(entry.dtype) != 0) {
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.mutable_data_ptr(), data, bytes);
    return copy;
  }
  return at::from_blob(
      const_cast<uint8_t*>(data), entry.shape,
      [keep = mapping_, begin, bytes](void*) mutable {
        keep->file.release(begin, bytes);
        keep.reset();
      },
      options);
}

void SafetensorsFile::read_ahead(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return;
  const TensorEntry& entry = found->second;
  mapping_->file.read_ahead(mapping_->data_offset + entry.begin, entry.end - entry.begin);
}

}  // namespace mpq
