// Arithmetic by stage over the measured rate of products.
#include "mpq/pipeline/estimate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "mpq/model/divergence.h"
#include "mpq/model/row_chunks.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/scoring.h"
#include "mpq/pipeline/targets.h"
#include "mpq/score/candidate_walk.h"

namespace mpq {
namespace {

/// Of GPTQ's arithmetic to products of the same float32 rate, and of the passes' products to the
/// widest one's rate (docs/performance.md).
constexpr double kSolverShare = 0.2, kProductShare = 0.8;

struct Rates {
  double products = 0, wide = 0, elements = 0;  // a second, as Work counts them
};

/// How often a second `run` is done.
double repeats(const std::function<void()>& run) {
  constexpr double kSeconds = 0.2;
  run();  // the first one makes the threads
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> passed{};
  int64_t count = 0;
  do {
    run();
    ++count;
    passed = std::chrono::steady_clock::now() - start;
  } while (passed.count() < kSeconds);
  return static_cast<double>(count) / passed.count();
}

/// A block's widest product in both dtypes, and its widest element-wise work; of a part of it where
/// that alone takes longer than the measurement.
Rates measured_rates(const Model& model) {
  constexpr int64_t kRows = 1024, kMost = 4096;
  const int64_t in = std::min(model.config().hidden, kMost);
  const int64_t out = std::min(model.config().widest(), kMost);
  const auto product_rate = [&](at::ScalarType dtype) {
    const at::Tensor x = at::ones({kRows, in}, dtype);
    const at::Tensor weight = at::ones({out, in}, dtype);
    return repeats([&] { at::linear(x, weight); }) * static_cast<double>(2 * kRows * in * out);
  };
  const at::Tensor gate = at::ones({kRows, out}, model.dtype());
  const auto element_rate = repeats([&] {
    by_row_chunks(kRows, out, gate.options(), [&](int64_t first, int64_t count) {
      const auto rows = gate.narrow(0, first, count);
      return at::silu(rows.to(at::kFloat)) * rows;
    });
  });
  return {kProductShare * product_rate(model.dtype()), product_rate(at::kFloat),
          element_rate * static_cast<double>(gate.numel())};
}

/// Of this process's model: dry runs ask for several stages.
const Rates& rates_of(const Model& model) {
  static const Rates rates = measured_rates(model);
  return rates;
}

double seconds_at(const Rates& rates, const Work& work) {
  return work.products / rates.products + work.wide / rates.wide + work.elements / rates.elements;
}

RunSize size_of_model(const ModelConfig& config) {
  RunSize size;
  size.layers = config.layers;
  size.hidden = config.hidden;
  size.vocab = config.vocab;
  size.tied = config.tied_embeddings;
  std::vector<int64_t> weights(static_cast<size_t>(config.layers), 0);
  for (const Unit& unit : make_units(config, /*fuse=*/true)) {
    const BlockConfig& block = config.block(unit.block);
    const bool experts = block.linears[unit.linears.front()].reads >= 0;
    const auto in = static_cast<double>(unit.in);
    const int64_t inputs = experts ? block.router.experts : 1;
    weights[static_cast<size_t>(unit.block)] += unit.weights();
    size.largest_in = std::max(size.largest_in, unit.in);
    size.linear_in += unit.in;
    size.linear_out += unit.out / inputs;
    size.in_squared += in * in * static_cast<double>(experts ? block.router.top_k : 1);
    size.in_cubed += in * in * in * static_cast<double>(inputs);
    size.hessians = std::max(size.hessians, unit.in * unit.in * inputs);
  }
  size.largest_block = *std::max_element(weights.begin(), weights.end());
  // The mean.
  size.block_weights = config.quantizable_weights() / config.layers;
  size.block_products = model_products(config) / config.layers;
  size.linear_in /= config.layers;
  size.linear_out /= config.layers;
  size.in_squared /= static_cast<double>(config.layers);
  size.in_cubed /= static_cast<double>(config.layers);
  return size;
}

/// GPTQ of each unit: half of the inputs are behind the one that is rounded.
Work rounding_of(const RunSize& size) {
  const double products =
      static_cast<double>(size.layers * size.block_weights * size.linear_in) / 2 / kStages;
  return {0, 2 * products / kSolverShare, 0};
}

/// Of passes of so many multiply-adds through blocks.
Work pass(const RunSize& size, double products) {
  const double tokens = products / static_cast<double>(size.block_products);
  return {2 * products, 0, tokens * static_cast<double>(size.linear_out + 4 * size.hidden)};
}

/// Logits of a token and what is read of them.
Work head_of(const RunSize& size) {
  constexpr double kPasses = 4;  // of two distributions
  return {0, 2 * static_cast<double>(size.vocab * size.hidden),
          kPasses * static_cast<double>(size.vocab)};
}

/// Of one Hessian a stage, and its factor.
Work hessians(const RunSize& size, double tokens) {
  const auto layers = static_cast<double>(size.layers);
  return {tokens * layers * size.in_squared, layers * size.in_cubed / kSolverShare, 0};
}

}  // namespace

Work quantize_work(const RunSize& size, double products) {
  const double all = static_cast<double>(size.task_tokens + size.text_tokens);
  const auto layers = static_cast<double>(size.layers);
  // What the quantized prefix lost is a product like a whole Hessian, behind a second factor.
  const Work lost{2 * layers * all * size.in_squared, 0,
                  all * layers * static_cast<double>(size.linear_in)};
  return pass(size, products) + hessians(size, all) + lost + rounding_of(size);
}

RunWork work_of(const RunSize& size) {
  const double all = static_cast<double>(size.task_tokens + size.text_tokens);
  const double probes = static_cast<double>(size.probe_tokens);
  const double model = static_cast<double>(size.layers * size.block_products);  // of a token
  const double widths =
      static_cast<double>(size.candidates) / std::max(1.0, 4 * static_cast<double>(size.layers));
  RunWork work;
  work.calibrate = pass(size, static_cast<double>(size.task_tokens) * model);
  work.score = pass(size, static_cast<double>(size.score_products)) + hessians(size, all) +
               rounding_of(size) * widths;
  work.score = work.score + (size.draws > 0
                                 ? pass(size, probes * widths * model) +
                                       head_of(size) * (probes * (1 + size.draws))
                                 : head_of(size) * (static_cast<double>(size.candidates) * probes));
  // Passes of the quantized prefix and of the full-precision model, the MLP's first half again.
  work.quantize = quantize_work(size, 3 * all * model);
  const auto held_out = static_cast<double>(size.held_out_tokens);
  work.verify = pass(size, 3 * held_out * model) + head_of(size) * (3 * held_out);
  return work;
}

int64_t RunPeak::largest() const { return std::max({calibrate, score, quantize, evaluate}); }

RunPeak peak_of(const RunSize& size) {
  constexpr int64_t kFloat = 4;
  const int64_t all = size.task_tokens + size.text_tokens;
  const int64_t ends = size.vocab * size.hidden * (size.tied ? 1 : 2);
  const int64_t batch = 6 * kBatchTokens * size.largest_in;
  const int64_t hessian = 4 * size.largest_in * size.largest_in + size.hessians;
  const int64_t logits = 6 * kLogitsAtOnce;
  const int64_t probes = size.probe_tokens;
  // One block's inputs and gradients of the probed rows; gradients of draws are bfloat16.
  const int64_t gradients = probes * (size.linear_in + size.draws * size.linear_out / 2);
  const int64_t backward = probes * size.hidden * (size.layers + 1 + size.draws);
  const int64_t a_block = size.candidates / std::max<int64_t>(1, size.layers);
  const int64_t perturbed = probes * ((a_block + 2) * size.hidden + size.largest_in);
  const int64_t kept = std::min(kKeptInputBytes / kFloat, all * size.largest_in);
  const int64_t passes = 3 * all * size.hidden + kept + 3 * size.largest_block + hessian + batch;
  const auto bytes = [&](int64_t stage) {
    constexpr int64_t kLibrary = int64_t{250} << 20;  // libtorch itself, and its buffers
    const int64_t all_bytes = kLibrary + kFloat * (ends + size.largest_block + stage);
    return all_bytes + all_bytes / 10;  // a tenth for what the allocator does not give back
  };
  RunPeak peak;
  peak.calibrate = bytes(size.task_tokens * size.hidden + batch);
  peak.score = size.draws > 0
                   ? bytes(std::max({backward + batch, backward + logits, passes + gradients}))
                   : bytes(std::max(passes + perturbed, perturbed + logits));
  // The quantized stream and the full-precision one.
  peak.quantize = bytes(5 * all * size.hidden + 2 * kept + 3 * size.largest_block + hessian +
                        size.largest_in * (size.largest_in + size.hidden) + batch);
  peak.evaluate = bytes(2 * size.held_out_tokens * size.hidden + std::max(batch, logits));
  return peak;
}

RunSize size_of_job(const Model& model, const PromptSet& prompts) {
  RunSize size = size_of_model(model.config());
  size.task_tokens = count_tokens(prompts.task);
  size.text_tokens = count_tokens(prompts.text);
  size.held_out_tokens = count_tokens(prompts.held_out) + count_tokens(prompts.text_held_out);
  return size;
}

RunSize size_of_run(const ScoreContext& context, const Spec& scorer) {
  RunSize size = size_of_job(*context.model, *context.prompts);
  size.probe_tokens = probed_rows(context);
  const ScoreCost cost = scoring_cost(scorer, context);
  size.candidates = cost.quantizations;
  size.score_products = cost.products;
  if (scorer.name == "grad") size.draws = static_cast<int>(scorer_option(scorer, "draws"));
  return size;
}

double estimated_seconds(const Model& model, const Work& work) {
  return seconds_at(rates_of(model), work);
}

Json estimate_evaluation(const Model& model, int64_t tokens, double models) {
  RunSize size = size_of_job(model, {});
  size.held_out_tokens = tokens;
  constexpr double kVerified = 3;  // models that verifying a plan reads
  return {{"seconds", estimated_seconds(model, work_of(size).verify * (models / kVerified))},
          {"peak_bytes", peak_of(size).evaluate}};
}

Json estimate_run(const Model& model, const PromptSet& prompts, const ScoreOptions& asked,
                  uint64_t seed) {
  const ScoreOptions options = with_target(asked);
  ScoreContext context;
  context.model = &model;
  context.prompts = &prompts;
  context.units = make_candidates(model, options);
  context.groups = score_groups(model, prompts, options, seed);
  const Spec scorer = chosen_scorer(model, options);
  const RunSize size = size_of_run(context, scorer);
  const RunWork work = work_of(size);
  const RunPeak peak = peak_of(size);
  const auto seconds = [&](const Work& of) { return estimated_seconds(model, of); };
  return {{"units", context.units.size()},
          {"weights", model.config().quantizable_weights()},
          {"candidates", size.candidates},
          {"scorer", to_string(scorer)},
          {"seconds",
           {{"calibrate", seconds(work.calibrate)},
            {"score", seconds(work.score)},
            {"allocate and verify", seconds(work.verified_plan())},
            // The rival's figures are there.
            {"quantize and report", seconds(work.verify * (2.0 / 3))}}},
          {"peak_bytes", peak.largest()},
          {"peak_bytes_of_stages",
           {{"calibrate", peak.calibrate},
            {"score", peak.score},
            {"quantize", peak.quantize},
            {"evaluate", peak.evaluate}}},
          {"gflops", rates_of(model).products / kProductShare / 1e9}};
}

}  // namespace mpq
