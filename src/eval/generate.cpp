// Greedy decoding: the common length of a batch is prefilled; longer prompts are fed on token by
// token while shorter ones generate.
#include "mpq/eval/generate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "cached_decoder.h"
#include "mpq/core/error.h"
#include "mpq/core/progress.h"
#include "mpq/core/units.h"

namespace mpq {
namespace {

constexpr int64_t kCacheBytes = int64_t{1} << 30;

int64_t length_of(const TokenSequence& tokens) { return static_cast<int64_t>(tokens.size()); }

/// Indices of prompts that are decoded together, in ascending length.
using Chunk = std::vector<size_t>;

std::vector<Chunk> make_chunks(const std::vector<TokenSequence>& prompts, const Model& model,
                               const GenerateOptions& options, int64_t bytes_per_position) {
  // Rotations that depend on the current length want a prompt whole, so that lengths must be equal.
  const auto& blocks = model.config().blocks;
  const bool by_length = std::any_of(blocks.begin(), blocks.end(), [](const BlockConfig& block) {
    const RopeKind rope = block.attention.rope.kind;
    return rope == RopeKind::Dynamic || rope == RopeKind::LongRope;
  });
  const int64_t spread = by_length ? 0 : options.max_new_tokens;
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return prompts[a].size() < prompts[b].size(); });
  std::vector<Chunk> chunks;
  for (const size_t index : order) {
    const int64_t length = length_of(prompts[index]);
    const auto joins = [&](const Chunk& chunk) {
      const auto count = static_cast<int64_t>(chunk.size()) + 1;
      return count <= options.batch_sequences &&
             length - length_of(prompts[chunk.front()]) <= spread &&
             count * (length + options.max_new_tokens) * bytes_per_position <= kCacheBytes;
    };
    if (chunks.empty() || !joins(chunks.back())) chunks.emplace_back();
    chunks.back().push_back(index);
  }
  return chunks;
}

/// Adds a token to what was generated; true when the sequence has ended.
bool take(int32_t token, const GenerateOptions& options, TokenSequence& generated) {
  const auto& stops = options.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) return true;
  generated.push_back(token);
  return length_of(generated) >= options.max_new_tokens ||
         (options.stop && options.stop(generated));
}

at::Tensor to_ids(const std::vector<int64_t>& ids) {
  return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong);
}

/// A place in the batch; one that is done stays until enough others are.
struct Lane {
  size_t prompt = 0;
  bool done = false;
};

void drop_done(std::vector<Lane>& lanes, std::vector<int64_t>& next, CachedDecoder& decoder) {
  std::vector<int64_t> kept;
  for (size_t i = 0; i < lanes.size(); ++i) {
    if (lanes[i].done) continue;
    lanes[kept.size()] = lanes[i];
    next[kept.size()] = next[i];
    kept.push_back(static_cast<int64_t>(i));
  }
  lanes.resize(kept.size());
  next.resize(kept.size());
  decoder.keep(to_ids(kept));
}

void decode(CachedDecoder& decoder, const Chunk& chunk, const std::vector<TokenSequence>& prompts,
            const GenerateOptions& options, std::vector<TokenSequence>& results,
            Progress& progress) {
  auto position = prompts[chunk.front()].size();
  std::vector<Lane> lanes;
  std::vector<int64_t> next;
  for (const size_t prompt : chunk) {
    lanes.push_back({prompt});
    next.insert(next.end(), prompts[prompt].begin(),
                prompts[prompt].begin() + static_cast<int64_t>(position));
  }
  size_t live = lanes.size();
  decoder.start(static_cast<int64_t>(live),
                length_of(prompts[chunk.back()]) + options.max_new_tokens);
  for (; live > 0; ++position) {
    const auto ids = to_ids(next).view({static_cast<int64_t>(lanes.size()), -1});
    const auto successors = decoder.advance(ids);
    const int64_t* successor = successors.const_data_ptr<int64_t>();
    next.assign(lanes.size(), 0);
    size_t finished = 0;
    for (size_t i = 0; i < lanes.size(); ++i) {
      Lane& lane = lanes[i];
      if (lane.done) continue;
      const TokenSequence& prompt = prompts[lane.prompt];
      const bool forced = position < prompt.size();
      next[i] = forced ? prompt[position] : successor[i];
      lane.done = !forced && take(static_cast<int32_t>(next[i]), options, results[lane.prompt]);
      finished += lane.done ? 1 : 0;
    }
    live -= finished;
    progress.step("", static_cast<int64_t>(finished));
    if (live > 0 && 2 * live <= lanes.size()) drop_done(lanes, next, decoder);
  }
}

/// All blocks in memory, or each one read when it is asked for.
LoadBlock block_source(const Model& model, const GenerateOptions& options) {
  const LoadBlock load = options.load_block ? options.load_block : [&model](int64_t index) {
    return model.load_block(index);
  };
  const ModelConfig& config = model.config();
  const int64_t bytes =
      config.quantizable_weights() * static_cast<int64_t>(c10::elementSize(model.dtype()));
  if (bytes > options.resident_bytes) {
    log_info("generation: the blocks take {}; they are read again for every token",
             format_bytes(bytes));
    return load;
  }
  std::vector<DecoderBlock> blocks;
  for (int64_t index = 0; index < config.layers; ++index) blocks.push_back(load(index));
  return [blocks](int64_t index) { return blocks[static_cast<size_t>(index)]; };
}

}  // namespace

std::vector<TokenSequence> generate_greedy(const Model& model,
                                           const std::vector<TokenSequence>& prompts,
                                           const GenerateOptions& options) {
  std::vector<TokenSequence> results(prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i)
    require(!prompts[i].empty(), ErrorCode::Usage,
            "generation: prompt {} of {} has no tokens; give it at least one", i + 1,
            prompts.size());
  if (prompts.empty() || options.max_new_tokens <= 0) return results;
  CachedDecoder decoder(model, block_source(model, options));
  Progress progress("generate", static_cast<int64_t>(prompts.size()));
  for (const Chunk& chunk : make_chunks(prompts, model, options, decoder.bytes_per_position()))
    decode(decoder, chunk, prompts, options, results, progress);
  return results;
}

}  // namespace mpq
