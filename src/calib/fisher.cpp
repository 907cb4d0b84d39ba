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

std::string channels_name(size_t block, size_t linear) {
  return fmt::format("block.{}.linear.{}", block, linear);
}

bool is_finite(const at::Tensor& scores) { return at::isfinite(scores).all().item<bool>(); }

/// What is not a number would count as the highest score of all.
void check_scores(const ModelConfig& config, size_t block, const std::vector<at::Tensor>& scores) {
  for (size_t i = 0; i < scores.size(); ++i)
    require(is_finite(scores[i]), ErrorCode::Numeric,
            "{}{}: its squared gradients on the calibration prompts hold NaN or infinity (or lie "
            "beyond float32); try --dtype float32, or check the checkpoint's weights",
            config.block_prefix(static_cast<int64_t>(block)),
            config.blocks[block].linears[i].module);
}

/// How many of a linear's rows come before each of the batch's.
int64_t rows_before(const LinearGradient& shown, int64_t row) {
  return shown.rows.defined() ? at::lt(shown.rows, row).sum().item<int64_t>() : row;
}

/// Adds, for each sequence of the batch, the column sums of (g^T x)^2, g [rows, out], x [rows, in].
void add_sequences(const Batch& batch, const LinearGradient& shown, at::Tensor& sum) {
  int64_t row = 0;
  for (const SequenceRun& run : batch.runs) {
    for (int64_t i = 0; i < run.count; ++i, row += run.length) {
      const int64_t first = rows_before(shown, row);
      const int64_t count = rows_before(shown, row + run.length) - first;
      if (count == 0) continue;
      const auto g = shown.gradient.narrow(0, first, count).to(at::kFloat);
      const auto x = shown.input.narrow(0, first, count).to(at::kFloat);
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
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (const auto& linear : config.blocks[block].linears)
      fisher[block].push_back(at::zeros({linear.in}, at::kFloat));
  }
  const int64_t done = blocks_done(config, pass.state_file);
  if (done > 0) fisher = load_fisher(sums, config);
  // Sums of a block whose gradients were not kept; the pass goes from the last block to the first.
  for (size_t block = 0; block < fisher.size() - static_cast<size_t>(done); ++block) {
    for (auto& sum : fisher[block]) sum.zero_();
  }
  const auto add = [&](const StageGradients& shown) {
    auto& block = fisher[static_cast<size_t>(shown.block)];
    for (const auto& linear : shown.linears)
      add_sequences(*shown.batch, linear, block[linear.linear]);
  };
  pass_backward(pass, add, [&](int64_t index) {
    auto& block = fisher[static_cast<size_t>(index)];
    for (auto& sum : block) sum.div_(static_cast<double>(plan.sequences()));
    check_scores(config, static_cast<size_t>(index), block);
    if (!resumable) return;
    std::filesystem::create_directories(state_folder);
    save_fisher(sums, fisher);
  });
  return fisher;
}

void save_fisher(const std::string& path, const ChannelFisher& fisher) {
  std::map<std::string, at::Tensor> tensors;
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (size_t i = 0; i < fisher[block].size(); ++i)
      tensors[channels_name(block, i)] = fisher[block][i];
  }
  save_tensors(path, tensors);
}

ChannelFisher load_fisher(const std::string& path, const ModelConfig& config) {
  const SafetensorsFile file(path);
  ChannelFisher fisher(static_cast<size_t>(config.layers));
  for (size_t block = 0; block < fisher.size(); ++block) {
    const auto& linears = config.blocks[block].linears;
    for (size_t i = 0; i < linears.size(); ++i) {
      const std::string name = channels_name(block, i);
      const auto found = file.tensors().find(name);
      require(found != file.tensors().end() && found->second.dtype == at::kFloat &&
                  found->second.shape == std::vector<int64_t>{linears[i].in},
              ErrorCode::Format, "{}: {} is missing or is not float32 [{}]; delete the file", path,
              name, linears[i].in);
      fisher[block].push_back(file.tensor(name).clone());
      require(is_finite(fisher[block].back()), ErrorCode::Format,
              "{}: {} holds NaN or infinity; delete the file", path, name);
    }
  }
  return fisher;
}

}  // namespace mpq
