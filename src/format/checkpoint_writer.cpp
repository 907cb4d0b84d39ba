// Streams a checkpoint's weights from the base and the quantized linears into shards.
#include "mpq/format/checkpoint_writer.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/progress.h"

namespace mpq {
namespace {

std::map<std::string, const ExportLinear*> linears_by_weight(const ExportJob& job) {
  std::map<std::string, const ExportLinear*> result;
  for (const auto& linear : job.linears) {
    const auto shape = job.base->shape(linear.module + ".weight");
    require(shape == std::vector<int64_t>{linear.out, linear.in}, ErrorCode::Format,
            "{}.weight: expected [{}, {}] as planned, found [{}] in the source", linear.module,
            linear.out, linear.in, fmt::join(shape, ", "));
    require(result.emplace(linear.module + ".weight", &linear).second, ErrorCode::Internal,
            "{} is exported twice", linear.module);
  }
  return result;
}

}  // namespace

Fit fit_of(const LinearLayout& layout, const Encoding& encoding, int64_t out, int64_t in,
           at::ScalarType stored_dtype) {
  if (encoding.plain()) return {encoding, tensor_bytes({"", stored_dtype, {out, in}})};
  Fit fit{encoding, 0};
  for (const auto& tensor : layout.plan({"linear", out, in, encoding}))
    fit.bytes += tensor_bytes(tensor);
  return fit;
}

QuantizedLinear load_planned(const ExportJob& job, const ExportLinear& linear) {
  QuantizedLinear quantized = job.load(linear.module);
  require(quantized.encoding == linear.encoding && quantized.out() == linear.out &&
              quantized.in() == linear.in,
          ErrorCode::Internal, "{}: its quantized form is not the planned one", linear.module);
  validate(quantized, linear.module);
  return quantized;
}

/// The linear read last, laid out.
struct CheckpointWriter::Cache {
  const ExportLinear* linear = nullptr;
  std::vector<at::Tensor> tensors;
};

CheckpointWriter::CheckpointWriter(const ExportJob& job, LinearLayout layout)
    : job_(job), layout_(std::move(layout)) {
  require(at::isFloatingType(job.stored_dtype), ErrorCode::Internal,
          "export: the checkpoint's dtype is not a floating type");
  const auto linears = linears_by_weight(job);
  for (const auto& name : job.base->names()) {
    const auto found = linears.find(name);
    if (found != linears.end() && !found->second->encoding.plain()) {
      size_t part = 0;
      for (auto& tensor : layout_.plan(*found->second)) {
        tensors_.push_back(std::move(tensor));
        origins_.push_back({found->second, part++});
      }
      continue;
    }
    tensors_.push_back({name, job.base->dtype(name), job.base->shape(name)});
    origins_.push_back({});
  }
  shards_ = plan_shards(tensors_, job.shard_bytes);
}

int64_t CheckpointWriter::bytes() const {
  int64_t bytes = 0;
  for (const auto& shard : shards_) {
    bytes += safetensors_file_bytes(shard_tensors(shard, tensors_), checkpoint_metadata());
  }
  return bytes;
}

at::Tensor CheckpointWriter::read(size_t tensor, Cache& cache) const {
  const Origin& origin = origins_[tensor];
  if (origin.linear == nullptr) {
    const TensorPlan& plan = tensors_[tensor];
    const at::Tensor value = job_.base->load(plan.name).to(plan.dtype);
    require(plan.dtype != at::kHalf || at::isfinite(value).all().item<bool>(), ErrorCode::Numeric,
            "{}: a value overflows float16; export in bfloat16 or float32", plan.name);
    return value;
  }
  if (cache.linear != origin.linear) {
    cache.tensors.clear();
    const ExportLinear& linear = *origin.linear;
    cache = {&linear, layout_.tensors(linear, load_planned(job_, linear))};
  }
  return cache.tensors.at(origin.part);
}

int64_t CheckpointWriter::write(const OutputFolder& folder, const Json& config) const {
  Progress progress("pack", static_cast<int64_t>(tensors_.size()));
  Cache cache;
  for (const auto& shard : shards_) {
    SafetensorsWriter file(folder.file(shard.file), shard_tensors(shard, tensors_),
                           checkpoint_metadata());
    for (const size_t t : shard.tensors) {
      file.write(tensors_[t].name, read(t, cache));
      progress.step();
    }
    file.finish();
  }
  if (shards_.size() > 1) {
    write_json_file(folder.file("model.safetensors.index.json"), shard_index(shards_, tensors_));
  }
  write_json_file(folder.file("config.json"), config);
  copy_side_files(job_, folder);
  int64_t written = 0;  // as the file system has it
  for (const auto& shard : shards_)
    written += static_cast<int64_t>(std::filesystem::file_size(folder.file(shard.file)));
  return written;
}

}  // namespace mpq
