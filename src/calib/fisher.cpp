// Squared weight gradients of every sequence, summed over rows.
#include "mpq/calib/fisher.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/calib/backward.h"
#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/block_loop.h"

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

ChannelFisher channel_fisher(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                             const std::string& state_folder) {
  const ModelConfig& config = model.config();
  const bool resumable = !state_folder.empty();
  const std::string sums = state_folder + "/sums.safetensors";
  const BackwardPass pass{model, plan, memory, "Fisher",
                          resumable ? state_folder + "/gradients.safetensors" : ""};
  ChannelFisher fisher(static_cast<size_t>(config.layers));
  for (auto& block : fisher) {
    for (const auto& linear : config.linears) block.push_back(at::zeros({linear.in}, at::kFloat));
  }
  if (blocks_done(config, pass.state_file) > 0) fisher = load_fisher(sums, config);
  const auto add = [&](const StageGradients& shown) {
    auto& block = fisher[static_cast<size_t>(shown.block)];
    for (size_t i = 0; i < block.size(); ++i) {
      if (shown.gradients[i].defined())
        add_sequences(*shown.batch, shown.gradients[i], shown.input, block[i]);
    }
  };
  pass_backward(pass, add, [&](int64_t index) {
    for (auto& sum : fisher[static_cast<size_t>(index)])
      sum.div_(static_cast<double>(plan.sequences()));
    if (!resumable) return;
    std::filesystem::create_directories(state_folder);
    save_fisher(sums, fisher);
  });
  if (resumable) std::filesystem::remove_all(state_folder);
  return fisher;
}

void save_fisher(const std::string& path, const ChannelFisher& fisher) {
  std::map<std::string, at::Tensor> tensors;
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (size_t i = 0; i < fisher[block].size(); ++i)
      tensors[tensor_name(block, i)] = fisher[block][i];
  }
  save_tensors(path, tensors);
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
