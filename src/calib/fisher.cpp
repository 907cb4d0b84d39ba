// Squared weight gradients of every sequence, summed over rows.
#include "mpq/calib/fisher.h"

#include <ATen/ATen.h>

#include "mpq/calib/backward.h"
#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace {

std::string tensor_name(size_t block, size_t linear) {
  return fmt::format("block.{}.linear.{}", block, linear);
}

/// Adds, for each sequence of the batch, the column sums of (g^T x)^2, g [rows, out], x [rows, in].
void add_sequences(const Batch& batch, const at::Tensor& gradient, const at::Tensor& input,
                   at::Tensor& sum) {
  int64_t row = 0;
  for (const SequenceRun& run : batch.runs) {
    for (int64_t i = 0; i < run.count; ++i, row += run.length) {
      const auto g = gradient.narrow(0, row, run.length).to(at::kFloat);
      const auto x = input.narrow(0, row, run.length).to(at::kFloat);
      sum += at::mm(g.t(), x).square_().sum(0).cpu();
    }
  }
}

}  // namespace

ChannelFisher channel_fisher(const Model& model, const BatchPlan& plan, MemoryBudget& memory) {
  const ModelConfig& config = model.config();
  ChannelFisher fisher(static_cast<size_t>(config.layers));
  for (auto& block : fisher) {
    for (const auto& linear : config.linears) block.push_back(at::zeros({linear.in}, at::kFloat));
  }
  const auto add = [&](const StageGradients& shown) {
    auto& block = fisher[static_cast<size_t>(shown.block)];
    for (size_t i = 0; i < block.size(); ++i) {
      if (shown.gradients[i].defined())
        add_sequences(*shown.batch, shown.gradients[i], shown.input, block[i]);
    }
  };
  walk_backward(model, plan, memory, "Fisher", add);
  for (auto& block : fisher) {
    for (auto& sum : block) sum.div_(static_cast<double>(plan.sequences()));
  }
  return fisher;
}

void save_fisher(const std::string& path, const ChannelFisher& fisher) {
  std::vector<TensorPlan> plan;
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (size_t i = 0; i < fisher[block].size(); ++i)
      plan.push_back({tensor_name(block, i), at::kFloat, fisher[block][i].sizes().vec()});
  }
  SafetensorsWriter writer(path, plan, {});
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (size_t i = 0; i < fisher[block].size(); ++i)
      writer.write(tensor_name(block, i), fisher[block][i]);
  }
  writer.finish();
}

ChannelFisher load_fisher(const std::string& path, const ModelConfig& config) {
  const SafetensorsFile file(path);
  ChannelFisher fisher(static_cast<size_t>(config.layers));
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (size_t i = 0; i < config.linears.size(); ++i) {
      const std::string name = tensor_name(block, i);
      const auto found = file.tensors().find(name);
      require(found != file.tensors().end() && found->second.dtype == at::kFloat &&
                  found->second.shape == std::vector<int64_t>{config.linears[i].in},
              ErrorCode::Format, "{}: {} is missing or is not float32 [{}]; delete the file", path,
              name, config.linears[i].in);
      fisher[block].push_back(file.tensor(name).clone());
    }
  }
  return fisher;
}

}  // namespace mpq
