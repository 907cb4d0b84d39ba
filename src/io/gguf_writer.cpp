// Writes GGUF tensor by tensor, under a temporary name until complete.
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/new_file.h"
#include "mpq/io/gguf.h"

namespace mpq {
namespace {

constexpr uint32_t kVersion = 3;
constexpr uint64_t kAlignment = 32;  // the default, so that the file need not name it
constexpr size_t kLongestName = 63;  // GGML_MAX_NAME and its final zero

uint64_t padded(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

uint64_t tensor_bytes(const GgufTensorPlan& plan) {
  const int64_t bytes = gguf_tensor_bytes(plan.type, plan.dims);
  require(bytes >= 0, ErrorCode::Internal, "gguf: {}: {} cannot hold a row of {} numbers",
          plan.name, plan.type.name, plan.dims.empty() ? 1 : plan.dims[0]);
  return static_cast<uint64_t>(bytes);
}

class Header {
 public:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      put<uint64_t>(value.size());
      text_ += value;
    } else if constexpr (std::is_same_v<T, bool>) {
      text_ += value ? '\1' : '\0';
    } else {
      text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    }
  }
  void put_array(const GgufArray& array) {
    put(static_cast<uint32_t>(array.index()));
    std::visit(
        [this]<class Elements>(const Elements& elements) {
          if constexpr (std::is_same_v<Elements, std::monostate>) {
            fail(ErrorCode::Internal, "gguf: arrays of arrays are not written");
          } else {
            put<uint64_t>(elements.size());
            for (const typename Elements::value_type& element : elements) put(element);
          }
        },
        array);
  }
  void put_value(const GgufValue& value) {
    put(static_cast<uint32_t>(value.index()));
    std::visit(
        [this]<class T>(const T& stored) {
          if constexpr (std::is_same_v<T, GgufArray>) {
            put_array(stored);
          } else {
            put(stored);
          }
        },
        value);
  }
  std::string take() && {
    text_.resize(padded(text_.size()));
    return std::move(text_);
  }

 private:
  std::string text_ = "GGUF";
};

std::string header_of(const GgufMetadata& metadata, const std::vector<GgufTensorPlan>& plan) {
  Header header;
  header.put(kVersion);
  header.put<uint64_t>(plan.size());
  header.put<uint64_t>(metadata.size());
  std::set<std::string> keys, names;
  for (const auto& [key, value] : metadata) {
    require(keys.insert(key).second && key != "general.alignment", ErrorCode::Internal,
            "gguf: the key {} is there twice, or not to be given", key);
    header.put(key);
    header.put_value(value);
  }
  uint64_t offset = 0;
  for (const auto& tensor : plan) {
    require(names.insert(tensor.name).second, ErrorCode::Internal, "gguf: {} is planned twice",
            tensor.name);
    require(tensor.name.size() <= kLongestName, ErrorCode::Internal,
            "gguf: {}: llama.cpp reads names of at most {} bytes", tensor.name, kLongestName);
    header.put(tensor.name);
    header.put(static_cast<uint32_t>(tensor.dims.size()));
    for (const int64_t size : tensor.dims) header.put(size);
    header.put(tensor.type.id);
    header.put(offset);
    offset += padded(tensor_bytes(tensor));
  }
  return std::move(header).take();
}

uint64_t data_bytes(const std::vector<GgufTensorPlan>& plan) {
  uint64_t bytes = 0;
  for (const auto& tensor : plan) bytes += padded(tensor_bytes(tensor));
  return bytes;
}

}  // namespace

int64_t gguf_file_bytes(const GgufMetadata& metadata, const std::vector<GgufTensorPlan>& plan) {
  return static_cast<int64_t>(header_of(metadata, plan).size() + data_bytes(plan));
}

struct GgufWriter::State {
  State(const std::string& name, std::vector<GgufTensorPlan> tensors)
      : path(name), plan(std::move(tensors)), file(name) {}
  /// Goes behind tensors that are complete, writing their padding.
  void advance() {
    static constexpr char kZeros[kAlignment] = {};
    while (next < plan.size() && written == tensor_bytes(plan[next])) {
      file.write(kZeros, static_cast<size_t>(padded(written) - written));
      written = 0;
      ++next;
    }
  }
  std::string path;
  std::vector<GgufTensorPlan> plan;
  NewFile file;
  uint64_t bytes = 0;    // of the whole file
  size_t next = 0;       // the tensor that is being written
  uint64_t written = 0;  // of its bytes
};

GgufWriter::GgufWriter(const std::string& path, const GgufMetadata& metadata,
                       std::vector<GgufTensorPlan> plan) {
  const std::string header = header_of(metadata, plan);
  state_ = std::make_unique<State>(path, std::move(plan));
  state_->bytes = header.size() + data_bytes(state_->plan);
  state_->file.write(header.data(), header.size());
  state_->advance();
}

GgufWriter::~GgufWriter() = default;

int64_t GgufWriter::bytes() const { return static_cast<int64_t>(state_->bytes); }

void GgufWriter::write(const std::string& name, std::span<const uint8_t> bytes) {
  State& state = *state_;
  require(state.next < state.plan.size(), ErrorCode::Internal,
          "{}: {} comes after the last planned tensor", state.path, name);
  const GgufTensorPlan& plan = state.plan[state.next];
  const uint64_t left = tensor_bytes(plan) - state.written;
  require(plan.name == name && bytes.size() <= left, ErrorCode::Internal,
          "{}: {} bytes of {} were planned next, found {} of {}", state.path, left, plan.name,
          bytes.size(), name);
  state.file.write(bytes.data(), bytes.size());
  state.written += bytes.size();
  state.advance();
}

void GgufWriter::finish() {
  State& state = *state_;
  require(state.next == state.plan.size(), ErrorCode::Internal,
          "{}: {} of {} planned tensors were written", state.path, state.next, state.plan.size());
  state.file.finish();
}

}  // namespace mpq
