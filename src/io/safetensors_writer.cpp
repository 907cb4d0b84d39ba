// Writes safetensors one tensor at a time, under a temporary name until complete.
#include <ATen/ATen.h>

#include <set>

#include "dtype_names.h"
#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/core/new_file.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace {

uint64_t tensor_bytes(const TensorPlan& plan) {
  uint64_t bytes = c10::elementSize(plan.dtype);
  for (const int64_t size : plan.shape) {
    require(size >= 0, ErrorCode::Internal, "safetensors: {} is planned with size {}", plan.name,
            size);
    bytes *= static_cast<uint64_t>(size);
  }
  return bytes;
}

/// "Float[2, 3]", for messages.
std::string described(at::ScalarType dtype, at::IntArrayRef shape) {
  return at::toString(dtype) + Json(shape.vec()).dump();
}

/// Length word and header, padded with spaces so that the data begins at a multiple of 8.
std::string header_of(const std::vector<TensorPlan>& plan,
                      const std::map<std::string, std::string>& metadata) {
  // Members are joined as text: an ordered object would search all its keys at each insertion.
  std::string text = "{";
  const auto add = [&text](const std::string& name, const Json& value) {
    try {
      text += (text.size() > 1 ? "," : "") + Json(name).dump() + ":" + value.dump();
    } catch (const nlohmann::json::type_error&) {
      fail(ErrorCode::Format, "safetensors: a name or the metadata is not UTF-8");
    }
  };
  if (!metadata.empty()) add("__metadata__", metadata);
  std::set<std::string> names = {"__metadata__"};
  uint64_t offset = 0;
  for (const auto& tensor : plan) {
    require(names.insert(tensor.name).second, ErrorCode::Internal,
            "safetensors: {} is planned twice", tensor.name);
    const uint64_t end = offset + tensor_bytes(tensor);
    add(tensor.name, {{"dtype", dtype_name(tensor.dtype)},
                      {"shape", tensor.shape},
                      {"data_offsets", {offset, end}}});
    offset = end;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

}  // namespace

int64_t safetensors_file_bytes(const std::vector<TensorPlan>& plan,
                               const std::map<std::string, std::string>& metadata) {
  uint64_t bytes = header_of(plan, metadata).size();
  for (const auto& tensor : plan) bytes += tensor_bytes(tensor);
  return static_cast<int64_t>(bytes);
}

struct SafetensorsWriter::State {
  State(std::string name, std::vector<TensorPlan> tensors, Sync sync)
      : path(std::move(name)), plan(std::move(tensors)), file(path, sync) {}
  std::string path;
  std::vector<TensorPlan> plan;
  size_t next = 0;
  NewFile file;
};

SafetensorsWriter::SafetensorsWriter(std::string path, std::vector<TensorPlan> plan,
                                     std::map<std::string, std::string> metadata, Sync sync) {
  const std::string header = header_of(plan, metadata);
  state_ = std::make_unique<State>(std::move(path), std::move(plan), sync);
  state_->file.write(header.data(), header.size());
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::write(const std::string& name, const at::Tensor& tensor) {
  require(state_->next < state_->plan.size(), ErrorCode::Internal,
          "{}: {} comes after the last planned tensor", state_->path, name);
  const TensorPlan& plan = state_->plan[state_->next++];
  require(plan.name == name && plan.dtype == tensor.scalar_type() &&
              tensor.sizes() == at::IntArrayRef(plan.shape),
          ErrorCode::Internal, "{}: {} {} was planned next, found {} {}", state_->path, plan.name,
          described(plan.dtype, plan.shape), name, described(tensor.scalar_type(), tensor.sizes()));
  const at::Tensor bytes = tensor.cpu().contiguous();
  state_->file.write(bytes.const_data_ptr(), tensor_bytes(plan));
}

void SafetensorsWriter::finish() {
  State& state = *state_;
  require(state.next == state.plan.size(), ErrorCode::Internal,
          "{}: {} of {} planned tensors were written", state.path, state.next, state.plan.size());
  state.file.finish();
}

void save_tensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                  const std::map<std::string, std::string>& metadata, Sync sync) {
  std::vector<TensorPlan> plan;
  plan.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors)
    plan.push_back({name, tensor.scalar_type(), tensor.sizes().vec()});
  SafetensorsWriter writer(path, plan, metadata, sync);
  for (const auto& [name, tensor] : tensors) writer.write(name, tensor);
  writer.finish();
}

}  // namespace mpq
