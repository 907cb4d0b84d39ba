#pragma once
// GGUF, the one-file container of llama.cpp: memory-mapped reading with every byte of the header
// checked, and streaming writing (format: formats.md, "GGUF v3").
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mpq/io/gguf_type.h"

namespace mpq {

/// An array of metadata. Like GgufValue's, the alternative's index is its type's number in a file.
/// Arrays of arrays are in no model, and llama.cpp does not read them.
using GgufArray =
    std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>,
                 std::vector<int16_t>, std::vector<uint32_t>, std::vector<int32_t>,
                 std::vector<float>, std::vector<bool>, std::vector<std::string>, std::monostate,
                 std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;
using GgufValue = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                               std::string, GgufArray, uint64_t, int64_t, double>;

struct GgufEntry {
  std::string key;
  GgufValue value;
  bool operator==(const GgufEntry&) const = default;
};
/// Keys and values in file order.
using GgufMetadata = std::vector<GgufEntry>;
/// Null when there is no such key.
const GgufValue* find_gguf_value(const GgufMetadata& metadata, std::string_view key);

/// What a tensor is: `dims` has the contiguous dimension first, {in, out} for a linear.
struct GgufTensorPlan {
  std::string name;
  std::vector<int64_t> dims;
  GgufType type;
  /// `dims` as other libraries have them: [out, in].
  std::vector<int64_t> shape() const { return {dims.rbegin(), dims.rend()}; }
};

struct GgufTensorInfo : GgufTensorPlan {
  uint64_t offset = 0;  // in the data section
  uint64_t bytes = 0;
};

/// A read-only, memory-mapped GGUF file of version 2 or 3.
class GgufFile {
 public:
  /// Throws Error(Io) when unreadable; Error(Format) when it is no GGUF file, is truncated, names a
  /// key or a tensor twice, has a type that is not known, dimensions that overflow or are no whole
  /// blocks, an alignment that is no power of two, tensors that overlap, are not aligned or pass
  /// the file's end.
  explicit GgufFile(const std::string& path);
  ~GgufFile();
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  const std::string& path() const { return path_; }
  const GgufMetadata& metadata() const { return metadata_; }
  /// Tensors in file order.
  const std::vector<GgufTensorInfo>& tensors() const { return tensors_; }
  /// Null when there is no such tensor.
  const GgufTensorInfo* find(std::string_view name) const;
  /// The mapped bytes of a tensor of this file; they live as long as the file.
  std::span<const uint8_t> data(const GgufTensorInfo& tensor) const;
  /// Hints: a tensor's bytes are needed soon, or no more.
  void read_ahead(const GgufTensorInfo& tensor) const;
  void release(const GgufTensorInfo& tensor) const;

 private:
  struct Mapping;
  std::string path_;
  std::unique_ptr<const Mapping> mapping_;
  GgufMetadata metadata_;
  std::vector<GgufTensorInfo> tensors_;
  std::vector<size_t> by_name_;  // indices of tensors_, sorted by name
  uint64_t data_begin_ = 0;
};

/// Bytes of the file that such a plan makes, header and padding included. Throws Error(Internal) as
/// GgufWriter does.
int64_t gguf_file_bytes(const GgufMetadata& metadata, const std::vector<GgufTensorPlan>& plan);

/// Writes a version 3 file with an alignment of 32, tensor by tensor in the planned order; the file
/// appears under its name at finish(), and an unfinished one is removed by the destructor.
class GgufWriter {
 public:
  /// Throws Error(Internal) on a key or tensor that is there twice, dimensions that the type cannot
  /// hold, or a tensor's name that is too long for llama.cpp; Error(Io).
  GgufWriter(const std::string& path, const GgufMetadata& metadata,
             std::vector<GgufTensorPlan> plan);
  ~GgufWriter();
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;

  /// Bytes of the whole file.
  int64_t bytes() const;
  /// The next bytes of a tensor: all of them, or a part when more calls with its name follow.
  /// Throws Error(Internal) when another tensor is the next one or its bytes are passed, Error(Io)
  /// on a full disk.
  void write(const std::string& name, std::span<const uint8_t> bytes);
  /// Throws Error(Internal) when bytes are missing.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mpq
