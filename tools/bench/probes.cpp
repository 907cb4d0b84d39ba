// Batched probes and block training beside the same work done one at a time, on nano-llama.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <chrono>

#include "mpq/calib/block_training.h"
#include "mpq/io/weight_source.h"
#include "mpq/model/divergence.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/score/scorer.h"

namespace {

using namespace mpq;

/// 1024 tokens of task and 256 of text, every unit at the same candidates.
struct Nano {
  explicit Nano(const std::vector<std::string>& candidates)
      : folder(std::string(MPQ_SOURCE_DIR) + "/data/nano-llama"),
        model(folder, open_safetensors_folder(folder), {}) {
    for (int64_t s = 0; s < 20; ++s) (s < 16 ? task : prompts.text).push_back(sequence(s));
    for (const auto& tokens : task) prompts.task.push_back({{}, tokens});
    for (auto& unit : make_units(model.config(), true)) context.units.push_back({unit, candidates});
    context.model = &model;
    context.prompts = &prompts;
    context.groups = calibration_groups(prompts, {});
    context.memory = &memory;
  }
  static TokenSequence sequence(int64_t seed) {
    TokenSequence tokens;
    for (int64_t t = 0; t < 64; ++t)
      tokens.push_back(static_cast<int32_t>((seed * 131 + t * t * 37 + t) % 2000));
    return tokens;
  }

  std::string folder;
  Model model;
  std::vector<TokenSequence> task;
  PromptSet prompts;
  MemoryBudget memory{-1, "/tmp"};
  ScoreContext context;
};

/// What a probe costs without sharing: all blocks are read, one unit's weight (or, for a pair, two
/// units' weights) is replaced, and the output is compared. Quantizing is not counted.
double probe_alone(Nano& nano, size_t units, at::Tensor& reference) {
  const ModelConfig& config = nano.model.config();
  const auto start = std::chrono::steady_clock::now();
  for (const auto& group : nano.context.groups) {
    at::Tensor hidden = embed_all(nano.model, group.plan, nano.memory);
    for (int64_t index = 0; index < config.layers; ++index) {
      DecoderBlock block = nano.model.load_block(index);
      if (index == config.layers / 2) {
        for (size_t u = 0; u < units; ++u) {
          const Unit& unit = nano.context.units[u].unit;
          block = with_unit_weight(block, unit, stacked_weight(block, unit) * 0.9);
        }
      }
      forward_all(block, group.plan, hidden, hidden);
    }
    const at::Tensor logits = nano.model.logits(hidden);
    if (group.text) continue;
    if (!reference.defined()) reference = logits;
    benchmark::DoNotOptimize(kl_rows(reference, logits).mean().item<double>());
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A scorer's whole pass, quantizing included, over what its probes would cost one at a time.
void probes(benchmark::State& state, const std::string& scorer, size_t units, size_t pairs) {
  std::vector<std::string> candidates;
  for (const char* ratio : {"0.02", "0.05", "0.1", "0.15", "0.2"})
    candidates.push_back(std::string("hir:bits=2,high=3,iterations=0,ratio=") + ratio);
  Nano nano(candidates);
  ChannelFisher fisher(static_cast<size_t>(nano.model.config().layers));
  for (auto& block : fisher) {
    for (const auto& linear : nano.model.config().linears)
      block.push_back(at::ones({linear.in}, at::kFloat));
  }
  nano.context.fisher = &fisher;
  const auto made = Registry<Scorer>::instance().make(scorer);
  const double count = static_cast<double>(nano.context.units.size() * candidates.size() + pairs);
  at::Tensor reference;
  probe_alone(nano, units, reference);
  double alone = 0;
  constexpr int kSample = 10;
  for (int i = 0; i < kSample; ++i) alone += probe_alone(nano, units, reference) / kSample;
  double together = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(made->score(nano.context));
    together += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  const double each = together / static_cast<double>(state.iterations()) / count;
  state.counters["probes"] = count;
  state.counters["ms_a_probe"] = 1e3 * each;
  state.counters["ms_alone"] = 1e3 * alone;
  state.counters["of_alone"] = each / alone;
}

/// All units of a block learned together (argument 1), or each by itself in turn (0).
void training(benchmark::State& state) {
  Nano nano({"full"});
  const ModelConfig& config = nano.model.config();
  const Streams input = embed_groups(nano.model, nano.context.groups, nano.memory);
  const DecoderBlock block = nano.model.load_block(0);
  const Streams target = forward_groups(block, nano.context.groups, input, nano.memory);
  const auto quantizer = make_method("signround:bits=3,group=128,sym,iterations=20");
  const BlockReconstruction reconstruction{config, nano.context.groups, input, target};
  const auto learning = [&](size_t unit) {
    const Unit& own = nano.context.units[unit].unit;
    return LearningUnit{own,
                        quantizer->learn({.name = own.name, .weight = stacked_weight(block, own)}),
                        quantizer->needs().steps};
  };
  const size_t count = 4;
  for (auto _ : state) {
    const size_t at_once = state.range(0) == 1 ? count : 1;
    for (size_t first = 0; first < count; first += at_once) {
      std::vector<LearningUnit> units;
      for (size_t u = first; u < first + at_once; ++u) units.push_back(learning(u));
      benchmark::DoNotOptimize(train_block(reconstruction, block, units));
    }
  }
}

}  // namespace

BENCHMARK_CAPTURE(probes, singles, "hir:pairs=no", 1, 0)->Unit(benchmark::kSecond)->Iterations(1);
BENCHMARK_CAPTURE(probes, pairs, "hir", 2, 6 * 6 * 25)->Unit(benchmark::kSecond)->Iterations(1);
BENCHMARK(training)->Arg(0)->Arg(1)->Unit(benchmark::kSecond);
