// A forward pass that looks at the inputs of each stage, batch by batch.
#include "mpq/calib/input_squares.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "input_sums.h"
#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/block_loop.h"

namespace mpq {
namespace {

constexpr const char* kHead = "head";
constexpr const char* kTokens = "tokens";

std::string squares_name(size_t block, size_t stage) {
  return fmt::format("block.{}.stage.{}", block, stage);
}

/// Of what a stage begins with; of a mixture's last one: an expert's; 0: it has no linears.
int64_t input_channels(const ModelConfig& model, size_t block, size_t stage) {
  if (stage == static_cast<size_t>(Stage::AttentionIn))
    return model.blocks[block].mixes() ? model.hidden : 0;
  for (const auto& linear : model.blocks[block].linears) {
    if (linear.stage == static_cast<Stage>(stage) && linear.reads != kSharedExpert)
      return linear.in;
  }
  return 0;
}

at::Tensor no_sums(int64_t channels) { return at::zeros({2, channels}, at::kDouble); }

InputSquares no_squares(const ModelConfig& config, const std::vector<SequenceGroup>& groups) {
  InputSquares squares;
  squares.blocks.resize(static_cast<size_t>(config.layers));
  for (size_t block = 0; block < squares.blocks.size(); ++block) {
    for (size_t stage = 0; stage < kStages; ++stage)
      squares.blocks[block][stage] = no_sums(input_channels(config, block, stage));
  }
  squares.head = no_sums(config.hidden);
  for (const auto& group : groups) squares.tokens[group.text ? 1 : 0] += group.plan.rows();
  return squares;
}

/// Squares are float32, their sums float64.
void add_squares(const at::Tensor& rows, bool text, at::Tensor& sums) {
  sums[text ? 1 : 0] += rows.to(at::kFloat).square().sum(0, /*keepdim=*/false, at::kDouble).cpu();
}

void pass_block(const ModelConfig& config, const DecoderBlock& block,
                const std::vector<SequenceGroup>& groups, Streams& hidden,
                std::array<at::Tensor, kStages>& sums) {
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Batch& batch : groups[g].plan.batches()) {
      check_interrupt();
      const at::Tensor rows = rows_of(hidden[g], batch);
      StageState state = enter_block(block, rows);
      for (size_t stage = 0; stage < sums.size(); ++stage) {
        if (state.input.defined()) add_squares(state.input, groups[g].text, sums[stage]);
        advance(block, static_cast<Stage>(stage), batch.runs, state);
      }
      rows.copy_(state.residual);
    }
  }
  for (size_t stage = 0; stage < sums.size(); ++stage)
    check_inputs(sums[stage],
                 config.block_prefix(block.index) + stage_name(static_cast<Stage>(stage)));
}

}  // namespace

const at::Tensor& InputSquares::at(int64_t block, Stage stage) const {
  return blocks[static_cast<size_t>(block)][static_cast<size_t>(stage)];
}

InputSquares input_squares(const Model& model, const std::vector<SequenceGroup>& groups,
                           MemoryBudget& memory, const std::string& state_folder) {
  const ModelConfig& config = model.config();
  const bool resumable = !state_folder.empty();
  const std::string sums_file = state_folder + "/sums.safetensors";
  const BlockLoop loop{.title = "input squares",
                       .products = total_rows(groups) * model_products(config),
                       .state_file = resumable ? state_folder + "/hidden.safetensors" : ""};
  InputSquares squares = no_squares(config, groups);
  const int64_t done = blocks_done(config, loop.state_file);
  if (done > 0) squares = load_input_squares(sums_file, config);
  // Sums of a block whose hidden states were not kept.
  for (auto block = static_cast<size_t>(done); block < squares.blocks.size(); ++block) {
    for (auto& sums : squares.blocks[block]) sums.zero_();
  }
  Streams streams = embed_groups(model, groups, memory);
  for_each_block(model, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
    pass_block(config, block, groups, hidden, squares.blocks[static_cast<size_t>(block.index)]);
    if (!resumable) return;
    std::filesystem::create_directories(state_folder);
    save_input_squares(sums_file, squares);
  });
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Batch& batch : groups[g].plan.batches())
      add_squares(model.normalised(rows_of(streams[g], batch)), groups[g].text, squares.head);
  }
  check_inputs(squares.head, kHead);
  return squares;
}

at::Tensor blended_squares(const at::Tensor& sums, const std::array<int64_t, 2>& tokens,
                           double text_share) {
  const auto mean = [&](size_t kind) {
    const double count = static_cast<double>(std::max<int64_t>(1, tokens[kind]));
    return sums[static_cast<int64_t>(kind)] / count;
  };
  const at::Tensor task = mean(0), text = mean(1);
  const double of_task = task.mean().item<double>(), of_text = text.mean().item<double>();
  if (of_text == 0 || (text_share <= 0 && of_task > 0)) return task;
  if (of_task == 0 || text_share >= 1) return text;
  return task * (1 - text_share) + text * (text_share * of_task / of_text);
}

void save_input_squares(const std::string& path, const InputSquares& squares) {
  std::map<std::string, at::Tensor> tensors{
      {kHead, squares.head}, {kTokens, at::tensor({squares.tokens[0], squares.tokens[1]})}};
  for (size_t block = 0; block < squares.blocks.size(); ++block) {
    for (size_t stage = 0; stage < kStages; ++stage)
      tensors[squares_name(block, stage)] = squares.blocks[block][stage];
  }
  save_tensors(path, tensors);
}

InputSquares load_input_squares(const std::string& path, const ModelConfig& config) {
  const SafetensorsFile file(path);
  const auto load = [&](const std::string& name, at::ScalarType dtype,
                        const std::vector<int64_t>& shape) {
    const auto found = file.tensors().find(name);
    require(found != file.tensors().end() && found->second.dtype == dtype &&
                found->second.shape == shape,
            ErrorCode::Format, "{}: {} is missing or of another shape or dtype; delete the file",
            path, name);
    return file.tensor(name).clone();
  };
  InputSquares squares = no_squares(config, {});
  for (size_t block = 0; block < squares.blocks.size(); ++block) {
    for (size_t stage = 0; stage < kStages; ++stage)
      squares.blocks[block][stage] =
          load(squares_name(block, stage), at::kDouble, {2, input_channels(config, block, stage)});
  }
  squares.head = load(kHead, at::kDouble, {2, config.hidden});
  const at::Tensor tokens = load(kTokens, at::kLong, {2});
  squares.tokens = {tokens[0].item<int64_t>(), tokens[1].item<int64_t>()};
  return squares;
}

}  // namespace mpq
