// One block after the other, with the streams between two of them in a safetensors file.
#include "mpq/model/block_loop.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <optional>

#include "mpq/core/error.h"
#include "mpq/core/heap.h"
#include "mpq/core/log.h"
#include "mpq/core/progress.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

std::string tensor_name(size_t stream) { return fmt::format("hidden.{}", stream); }

void restore(const std::string& path, Streams& streams) {
  const SafetensorsFile file(path);
  bool fits = file.tensors().size() == streams.size() + 1;
  for (size_t i = 0; fits && i < streams.size(); ++i) {
    const at::Tensor kept = file.tensor(tensor_name(i));
    fits = kept.sizes() == streams[i].sizes() && kept.scalar_type() == streams[i].scalar_type();
    if (fits) streams[i].copy_(kept);
  }
  require(fits, ErrorCode::Format, "{}: does not fit these prompts; delete the file", path);
}

void keep(const std::string& path, int64_t done, const Streams& streams) {
  fs::create_directories(fs::path(path).parent_path());
  std::map<std::string, at::Tensor> tensors{{"done", at::tensor({done}, at::kLong)}};
  for (size_t i = 0; i < streams.size(); ++i) tensors[tensor_name(i)] = streams[i];
  save_tensors(path, tensors, {}, Sync::No);
}

}  // namespace

int64_t blocks_done(const ModelConfig& config, const std::string& state_file) {
  if (state_file.empty() || !fs::exists(state_file)) return 0;
  const at::Tensor done = SafetensorsFile(state_file).tensor("done");
  const bool number = done.scalar_type() == at::kLong && done.numel() == 1;
  const int64_t blocks = number ? done.item<int64_t>() : 0;
  require(blocks > 0 && blocks <= config.layers, ErrorCode::Format,
          "{}: does not fit this model; delete the file", state_file);
  return blocks;
}

void for_each_block(const Model& model, const BlockLoop& loop, Streams& streams,
                    const VisitBlock& visit) {
  const int64_t end = loop.last < 0 ? model.config().layers : loop.last;
  const int64_t count = end - loop.first;
  const int64_t done = blocks_done(model.config(), loop.state_file);
  if (done > 0) {
    restore(loop.state_file, streams);
    log_info("{}: goes on after {} finished blocks", loop.title, done);
  }
  std::optional<Progress> progress;
  if (!loop.title.empty())
    progress.emplace(loop.title, count, done,
                     loop.products / std::max<int64_t>(1, count) * (count - done));
  const auto index_of = [&](int64_t step) {
    return loop.backwards ? end - 1 - step : loop.first + step;
  };
  for (int64_t step = done; step < count; ++step) {
    const DecoderBlock block = model.load_block(index_of(step));
    if (step + 1 < count) model.read_ahead(index_of(step + 1));
    visit(block, streams);
    if (!loop.state_file.empty()) {
      keep(loop.state_file, step + 1, streams);
      log_debug("{}: block {} done", loop.title, block.index);
    }
    if (progress) progress->step();
    release_kept_blocks();
  }
}

}  // namespace mpq
