// Arithmetic by stage over the measured rate of products.
#include "mpq/pipeline/estimate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "mpq/model/divergence.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/scoring.h"
#include "mpq/pipeline/targets.h"
#include "mpq/score/candidate_walk.h"

namespace mpq {
namespace {

/// Share of the products' rate that whole stages reach: attention, norms, rounding and copies are
/// the rest. SmolLM2-135M's calibration reached 0.68 on two cores; other stages are not fitted.
constexpr double kEfficiency = 0.65;

/// Floating-point operations a second of a block's widest product, in the compute dtype.
double product_rate(const Model& model) {
  constexpr int64_t kRows = 1024;
  constexpr double kSeconds = 0.5;
  const ModelConfig& config = model.config();
  const auto options = at::TensorOptions().dtype(model.dtype());
  const at::Tensor x = at::ones({kRows, config.hidden}, options);
  const at::Tensor weight = at::ones({config.widest(), config.hidden}, options);
  at::linear(x, weight);  // the first one makes the threads
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> passed{};
  int64_t products = 0;
  do {
    at::linear(x, weight);
    ++products;
    passed = std::chrono::steady_clock::now() - start;
  } while (passed.count() < kSeconds);
  return static_cast<double>(2 * products * kRows * config.hidden * config.widest()) /
         passed.count();
}

double seconds_at(double rate, double operations) { return operations / (rate * kEfficiency); }

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

/// GPTQ of each unit.
double rounding_of(const RunSize& size) {
  return static_cast<double>(size.layers * size.block_weights * size.linear_in) / 2;
}

}  // namespace

double quantize_operations(const RunSize& size, double products) {
  const auto layers = static_cast<double>(size.layers);
  const double all = static_cast<double>(size.task_tokens + size.text_tokens);
  const double rounding = rounding_of(size);
  // Hessians, and what the quantized prefix lost.
  return 2 * products + 2 * layers * (all * size.in_squared + size.in_cubed) + rounding / 2;
}

RunWork work_of(const RunSize& size) {
  const auto layers = static_cast<double>(size.layers);
  const double all = static_cast<double>(size.task_tokens + size.text_tokens);
  const double probes = static_cast<double>(size.probe_tokens);
  const double forward = 2 * layers * static_cast<double>(size.block_products);  // of a token
  const double head = 2 * static_cast<double>(size.vocab * size.hidden);         // of a token
  const double hessians = layers * size.in_squared;                              // of a token
  const double factors = layers * size.in_cubed;
  const double widths = static_cast<double>(size.candidates) / std::max(1.0, 4 * layers);
  RunWork work;
  work.calibrate = static_cast<double>(size.task_tokens) * forward;
  work.score = 2 * static_cast<double>(size.score_products) + all * hessians + factors +
               widths * rounding_of(size) / 2;
  work.score += size.draws > 0 ? probes * (widths * forward + (1 + size.draws) * head)
                               : static_cast<double>(size.candidates) * probes * head;
  // Passes of the quantized prefix and of the full-precision model, the MLP's first half again.
  work.quantize = quantize_operations(size, 1.5 * all * forward);
  work.verify = 3 * static_cast<double>(size.held_out_tokens) * (forward + head);
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

double estimated_seconds(const Model& model, double operations) {
  return seconds_at(product_rate(model), operations);
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
  const double rate = product_rate(model);
  const auto seconds = [&](double operations) { return seconds_at(rate, operations); };
  return {{"units", context.units.size()},
          {"weights", model.config().quantizable_weights()},
          {"candidates", size.candidates},
          {"scorer", to_string(scorer)},
          {"seconds",
           {{"calibrate", seconds(work.calibrate)},
            {"score", seconds(work.score)},
            {"allocate and verify", seconds(2 * work.quantize + work.verify)},
            {"quantize and report", seconds(work.verify)}}},
          {"peak_bytes", peak.largest()},
          {"peak_bytes_of_stages",
           {{"calibrate", peak.calibrate},
            {"score", peak.score},
            {"quantize", peak.quantize},
            {"evaluate", peak.evaluate}}},
          {"gflops", rate / 1e9}};
}

}  // namespace mpq
