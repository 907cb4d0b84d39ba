#pragma once
// safetensors files: memory-mapped reading with every byte of the header checked, and streaming
// writing.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/new_file.h"

namespace mpq {

/// One tensor of a file: dtype, shape, and its place in the mapped data section [begin, end).
struct TensorEntry {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// A read-only, memory-mapped safetensors file.
class SafetensorsFile {
 public:
  /// Throws Error(Io) when unreadable; Error(Format) when the header is truncated, too long, not
  /// JSON, has an unknown dtype, a negative or overflowing shape, offsets that disagree with the
  /// shape, overlap, leave holes or pass the file's end.
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const;
  const std::map<std::string, TensorEntry>& tensors() const;
  const std::map<std::string, std::string>& metadata() const;
  bool contains(const std::string& name) const;
  /// A view of the mapped bytes in the stored dtype; it keeps the mapping alive. Never write to it.
  /// Throws Error(Format) naming the file when there is no such tensor.
  at::Tensor tensor(const std::string& name) const;
  /// Asks the system to read a tensor's bytes in the background; does nothing without such a
  /// tensor.
  void read_ahead(const std::string& name) const;

 private:
  struct Mapping;
  std::shared_ptr<Mapping> mapping_;
  std::map<std::string, TensorEntry> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// What will be written: name, dtype and shape of each tensor, in file order.
struct TensorPlan {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
};

/// Bytes of the file that such a plan makes, header included.
int64_t safetensors_file_bytes(const std::vector<TensorPlan>& plan,
                               const std::map<std::string, std::string>& metadata);

/// Writes a file whose tensors are known beforehand, one tensor at a time in the planned order; the
/// file appears under its name at finish(), and an unfinished one is removed by the destructor.
class SafetensorsWriter {
 public:
  SafetensorsWriter(std::string path, std::vector<TensorPlan> plan,
                    std::map<std::string, std::string> metadata = {}, Sync sync = Sync::Yes);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  /// The next tensor of the plan; throws Error(Internal) when name, dtype or shape is not the
  /// planned one, Error(Io) on a full disk.
  void write(const std::string& name, const at::Tensor& tensor);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes a few tensors at once. Throws Error(Io).
void save_tensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                  const std::map<std::string, std::string>& metadata = {}, Sync sync = Sync::Yes);

}  // namespace mpq
