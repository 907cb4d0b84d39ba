// Reads GGUF from a mapping: no byte of the header is believed before it is checked.
#include <algorithm>
#include <bit>
#include <set>

#include "gguf_cursor.h"
#include "mapped_file.h"
#include "mpq/core/error.h"
#include "mpq/core/file_kind.h"
#include "mpq/io/gguf.h"
#include "strict_json.h"

namespace mpq {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint32_t kFirstVersion = 2, kLastVersion = 3;
constexpr uint32_t kMaxDims = 4;
constexpr uint32_t kDefaultAlignment = 32;
constexpr uint64_t kSmallestEntry = 8 + 4 + 1;       // an empty key, a type, a byte
constexpr uint64_t kSmallestTensor = 8 + 4 + 4 + 8;  // an empty name, no dimension, type, offset

void check_begin(GgufCursor& cursor, std::string_view begin, const std::string& path) {
  const std::string kind = other_kind(begin);
  require(kind.empty(), ErrorCode::Format, "{}: expected GGUF, found {}", path, kind);
  const auto magic = cursor.number<uint32_t>("the magic number");
  require(magic == kMagic, ErrorCode::Format,
          "{}: expected GGUF, found a file that begins with \"{}\"", path,
          shown(begin.substr(0, 4)));
  const auto version = cursor.number<uint32_t>("the version");
  require(version >= kFirstVersion && version <= kLastVersion, ErrorCode::Format,
          "{}: expected GGUF of version {} or {}, found {}{}", path, kFirstVersion, kLastVersion,
          version, (version & 0xffff) == 0 ? "; a big-endian file is not read" : "");
}

GgufMetadata read_metadata(GgufCursor& cursor, uint64_t count, const std::string& path) {
  GgufMetadata metadata;
  std::set<std::string> keys;
  for (uint64_t i = 0; i < count; ++i) {
    std::string key = cursor.text("a metadata key");
    require(keys.insert(key).second, ErrorCode::Format, "{}: the key \"{}\" is there twice", path,
            shown(key));
    GgufValue value = cursor.value("the value of \"" + shown(key) + "\"");
    metadata.push_back({std::move(key), std::move(value)});
  }
  return metadata;
}

uint32_t alignment_of(const GgufMetadata& metadata, const std::string& path) {
  const GgufValue* value = find_gguf_value(metadata, "general.alignment");
  if (value == nullptr) return kDefaultAlignment;
  const auto* alignment = std::get_if<uint32_t>(value);
  require(alignment != nullptr && std::has_single_bit(*alignment), ErrorCode::Format,
          "{}: \"general.alignment\": expected a u32 that is a power of two, found {}", path,
          alignment != nullptr ? std::to_string(*alignment) : "another type");
  return *alignment;
}

GgufTensorInfo read_tensor(GgufCursor& cursor, const std::string& path) {
  GgufTensorInfo tensor;
  tensor.name = cursor.text("a tensor's name");
  const std::string what = "tensor \"" + shown(tensor.name) + "\"";
  const auto count = cursor.number<uint32_t>(what);
  require(count <= kMaxDims, ErrorCode::Format, "{}: {}: expected at most {} dimensions, found {}",
          path, what, kMaxDims, count);
  for (uint32_t i = 0; i < count; ++i) tensor.dims.push_back(cursor.number<int64_t>(what));
  const auto id = cursor.number<uint32_t>(what);
  const GgufType* type = find_gguf_type(id);
  require(type != nullptr, ErrorCode::Format, "{}: {}: expected a type of ggml, found number {}",
          path, what, id);
  tensor.type = *type;
  const int64_t bytes = gguf_tensor_bytes(*type, tensor.dims);
  require(bytes >= 0, ErrorCode::Format,
          "{}: {}: expected sizes that {} holds in whole blocks of {}, found {}", path, what,
          type->name, type->block_elements, shown_value(nlohmann::json(tensor.dims)));
  tensor.bytes = static_cast<uint64_t>(bytes);
  tensor.offset = cursor.number<uint64_t>(what);
  return tensor;
}

void check_places(const std::vector<GgufTensorInfo>& tensors, uint64_t alignment,
                  uint64_t data_bytes, const std::string& path) {
  std::vector<const GgufTensorInfo*> by_place;
  for (const auto& tensor : tensors) {
    require(tensor.offset % alignment == 0, ErrorCode::Format,
            "{}: tensor \"{}\": expected an offset that is a multiple of {}, found {}", path,
            shown(tensor.name), alignment, tensor.offset);
    require(
        tensor.bytes <= data_bytes && tensor.offset <= data_bytes - tensor.bytes, ErrorCode::Format,
        "{}: tensor \"{}\": expected {} bytes at offset {} of the data, found {} bytes of data; "
        "the file is truncated or damaged",
        path, shown(tensor.name), tensor.bytes, tensor.offset, data_bytes);
    if (tensor.bytes > 0) by_place.push_back(&tensor);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < by_place.size(); ++i) {
    const auto& before = *by_place[i - 1];
    require(before.offset + before.bytes <= by_place[i]->offset, ErrorCode::Format,
            "{}: the tensors \"{}\" and \"{}\" overlap", path, shown(before.name),
            shown(by_place[i]->name));
  }
}

}  // namespace

struct GgufFile::Mapping : MappedFile {
  using MappedFile::MappedFile;
};

GgufFile::GgufFile(const std::string& path)
    : path_(path), mapping_(std::make_unique<Mapping>(path)) {
  const std::span<const uint8_t> bytes(mapping_->data(), static_cast<size_t>(mapping_->size()));
  GgufCursor cursor(bytes, path_);
  check_begin(cursor, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path_);
  const uint64_t tensors = cursor.count("the number of tensors", kSmallestTensor);
  const uint64_t entries = cursor.count("the number of metadata keys", kSmallestEntry);
  metadata_ = read_metadata(cursor, entries, path_);
  const uint64_t alignment = alignment_of(metadata_, path_);
  for (uint64_t i = 0; i < tensors; ++i) tensors_.push_back(read_tensor(cursor, path_));
  data_begin_ = (cursor.position() + alignment - 1) / alignment * alignment;
  check_places(tensors_, alignment, bytes.size() - std::min<uint64_t>(data_begin_, bytes.size()),
               path_);
  for (size_t i = 0; i < tensors_.size(); ++i) by_name_.push_back(i);
  std::sort(by_name_.begin(), by_name_.end(),
            [this](size_t a, size_t b) { return tensors_[a].name < tensors_[b].name; });
  for (size_t i = 1; i < by_name_.size(); ++i) {
    const std::string& name = tensors_[by_name_[i]].name;
    require(name != tensors_[by_name_[i - 1]].name, ErrorCode::Format,
            "{}: the tensor \"{}\" is there twice", path_, shown(name));
  }
}

GgufFile::~GgufFile() = default;

const GgufTensorInfo* GgufFile::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [this](size_t i, std::string_view key) { return tensors_[i].name < key; });
  return found == by_name_.end() || tensors_[*found].name != name ? nullptr : &tensors_[*found];
}

std::span<const uint8_t> GgufFile::data(const GgufTensorInfo& tensor) const {
  if (tensor.bytes == 0) return {};
  return {mapping_->data() + data_begin_ + tensor.offset, static_cast<size_t>(tensor.bytes)};
}

void GgufFile::read_ahead(const GgufTensorInfo& tensor) const {
  if (tensor.bytes > 0) mapping_->read_ahead(data_begin_ + tensor.offset, tensor.bytes);
}

void GgufFile::release(const GgufTensorInfo& tensor) const {
  mapping_->release(data_begin_ + tensor.offset, tensor.bytes);
}

const GgufValue* find_gguf_value(const GgufMetadata& metadata, std::string_view key) {
  for (const GgufEntry& entry : metadata) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

}  // namespace mpq
