// Gathers block-output statistics in one pass, and keeps them in a safetensors file.
#include "mpq/calib/block_statistics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <random>

#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/block_loop.h"

namespace mpq {
namespace {

/// Rows of the plan that count: all but the first `skip` tokens of each prompt (a prompt keeps its
/// last token at least).
std::vector<int64_t> counted_rows(const BatchPlan& plan, int64_t skip) {
  std::vector<int64_t> rows;
  for (int64_t sequence = 0; sequence < plan.sequences(); ++sequence) {
    const int64_t first = std::min(skip, plan.length(sequence) - 1);
    for (int64_t token = first; token < plan.length(sequence); ++token)
      rows.push_back(plan.first_row(sequence) + token);
  }
  return rows;
}

/// A uniform sample without replacement: the same tokens for every block.
at::Tensor sample(std::vector<int64_t> rows, int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto kept = std::min<size_t>(rows.size(), static_cast<size_t>(count));
  for (size_t i = 0; i < kept; ++i) {
    const size_t other = i + random() % (rows.size() - i);
    std::swap(rows[i], rows[other]);
  }
  rows.resize(kept);
  std::sort(rows.begin(), rows.end());
  return at::tensor(at::ArrayRef<int64_t>(rows), at::kLong);
}

BlockStatistics statistics_of(const at::Tensor& hidden, const at::Tensor& counted,
                              const at::Tensor& sampled, const at::Tensor& last) {
  BlockStatistics result;
  result.reservoir = hidden.index_select(0, sampled).to(at::kFloat);
  const int64_t channels = hidden.size(1);
  auto square_by_channel = at::zeros({channels}, at::kDouble);
  double sum = 0;
  double sum_abs = 0;
  constexpr int64_t kRows = 1024;
  for (int64_t begin = 0; begin < counted.size(0); begin += kRows) {
    const auto index = counted.narrow(0, begin, std::min(kRows, counted.size(0) - begin));
    const auto rows = hidden.index_select(0, index).to(at::kDouble);
    sum += rows.sum().item<double>();
    sum_abs += rows.abs().sum().item<double>();
    square_by_channel.add_(rows.square().sum(0));
  }
  const double count = static_cast<double>(counted.size(0)) * static_cast<double>(channels);
  const double square = square_by_channel.sum().item<double>();
  result.mean = sum / count;
  result.mean_abs = sum_abs / count;
  result.variance = square / count - result.mean * result.mean;
  const int64_t top = std::max<int64_t>(1, channels / 100);
  result.outlier_share =
      square > 0 ? std::get<0>(square_by_channel.topk(top)).sum().item<double>() / square : 0;
  const auto last_rows = hidden.index_select(0, last).to(at::kDouble);
  result.last_token_range = (last_rows.amax(1) - last_rows.amin(1)).mean().item<double>();
  return result;
}

std::string experts_name(size_t block) { return fmt::format("block.{}.expert_rows", block); }

}  // namespace

std::vector<BlockStatistics> block_statistics(const Model& model,
                                              const std::vector<TokenSequence>& prompts,
                                              const StatisticsOptions& options,
                                              MemoryBudget& memory) {
  const BatchPlan plan(prompts, kBatchTokens);
  const auto rows = counted_rows(plan, options.skip_first_tokens);
  const at::Tensor counted = at::tensor(at::ArrayRef<int64_t>(rows), at::kLong);
  const at::Tensor sampled = sample(rows, options.reservoir, options.seed);
  const at::Tensor last = plan.last_rows();
  const bool resumable = !options.state_folder.empty();
  const std::string done_file = options.state_folder + "/statistics.safetensors";
  const BlockLoop loop{.title = "calibrate",
                       .products = plan.rows() * model_products(model.config()),
                       .state_file = resumable ? options.state_folder + "/hidden.safetensors" : ""};
  const int64_t done = blocks_done(model.config(), loop.state_file);
  std::vector<BlockStatistics> result;
  if (done > 0) result = load_statistics(done_file, done, model.config().hidden);
  Streams streams{embed_all(model, plan, memory)};
  for_each_block(model, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
    ExpertRows expert_rows;
    forward_all(block, plan, hidden[0], hidden[0], &expert_rows);
    result.push_back(statistics_of(hidden[0], counted, sampled, last));
    result.back().expert_rows = std::move(expert_rows);
    require(std::isfinite(result.back().variance), ErrorCode::Numeric,
            "{}: the output of block {} on the task holds NaN or infinity; try --dtype float32, or "
            "check the checkpoint's weights",
            model.folder(), block.index);
    if (resumable) {
      std::filesystem::create_directories(options.state_folder);
      save_statistics(done_file, result);
    }
  });
  return result;
}

void save_statistics(const std::string& path, const std::vector<BlockStatistics>& blocks) {
  std::map<std::string, at::Tensor> tensors;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto& block = blocks[i];
    tensors[fmt::format("block.{}.reservoir", i)] = block.reservoir;
    tensors[fmt::format("block.{}.moments", i)] = at::tensor(
        {block.mean, block.variance, block.mean_abs, block.outlier_share, block.last_token_range},
        at::kDouble);
    if (!block.expert_rows.empty())
      tensors[experts_name(i)] = at::tensor(at::ArrayRef<int64_t>(block.expert_rows), at::kLong);
  }
  save_tensors(path, tensors);
}

std::vector<BlockStatistics> load_statistics(const std::string& path, int64_t blocks,
                                             int64_t hidden) {
  const SafetensorsFile file(path);
  std::vector<BlockStatistics> result;
  for (int64_t i = 0; i < blocks; ++i) {
    BlockStatistics block;
    block.reservoir = file.tensor(fmt::format("block.{}.reservoir", i)).clone();
    const auto moments = file.tensor(fmt::format("block.{}.moments", i));
    require(moments.scalar_type() == at::kDouble && moments.numel() == 5 &&
                block.reservoir.dim() == 2 && block.reservoir.size(1) == hidden &&
                block.reservoir.scalar_type() == at::kFloat &&
                at::isfinite(moments).all().item<bool>() &&
                at::isfinite(block.reservoir).all().item<bool>(),
            ErrorCode::Format, "{}: block {} is damaged; delete it and calibrate again", path, i);
    const double* values = moments.const_data_ptr<double>();
    block.mean = values[0];
    block.variance = values[1];
    block.mean_abs = values[2];
    block.outlier_share = values[3];
    block.last_token_range = values[4];
    if (file.contains(experts_name(static_cast<size_t>(i)))) {
      const auto rows = file.tensor(experts_name(static_cast<size_t>(i))).contiguous();
      require(rows.scalar_type() == at::kLong && rows.dim() == 1, ErrorCode::Format,
              "{}: block {} is damaged; delete it and calibrate again", path, i);
      block.expert_rows.assign(rows.const_data_ptr<int64_t>(),
                               rows.const_data_ptr<int64_t>() + rows.numel());
    }
    result.push_back(std::move(block));
  }
  return result;
}

}  // namespace mpq
