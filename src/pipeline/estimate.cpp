// Arithmetic by stage over the measured rate of products.
#include "mpq/pipeline/estimate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "mpq/model/divergence.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/sensitivity.h"

namespace mpq {
namespace {

/// Share of the products' rate that whole stages reach: attention, norms, rounding and copies are
/// the rest. SmolLM2-135M's calibration reached 0.68 on two cores; other stages are not fitted.
constexpr double kEfficiency = 0.65;

int64_t tokens_of(const std::vector<TokenSequence>& sequences) {
  int64_t count = 0;
  for (const auto& sequence : sequences) count += static_cast<int64_t>(sequence.size());
  return count;
}

/// Floating-point operations a second of a block's widest product, in the compute dtype.
double product_rate(const Model& model) {
  constexpr int64_t kRows = 1024;
  constexpr double kSeconds = 0.5;
  const ModelConfig& config = model.config();
  const auto options = at::TensorOptions().dtype(model.dtype());
  const at::Tensor x = at::ones({kRows, config.hidden}, options);
  const at::Tensor weight = at::ones({config.intermediate, config.hidden}, options);
  at::linear(x, weight);  // the first one makes the threads
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> passed{};
  int64_t products = 0;
  do {
    at::linear(x, weight);
    ++products;
    passed = std::chrono::steady_clock::now() - start;
  } while (passed.count() < kSeconds);
  return static_cast<double>(2 * products * kRows * config.hidden * config.intermediate) /
         passed.count();
}

RunSize size_of_model(const ModelConfig& config) {
  RunSize size;
  size.layers = config.layers;
  size.hidden = config.hidden;
  size.vocab = config.vocab;
  size.tied = config.tied_embeddings;
  for (const Unit& unit : make_units(config, /*fuse=*/true)) {
    if (unit.block != 0) continue;
    const auto in = static_cast<double>(unit.in);
    size.block_weights += unit.weights();
    size.largest_in = std::max(size.largest_in, unit.in);
    size.linear_in += unit.in;
    size.linear_out += unit.out;
    size.in_squared += in * in;
    size.in_cubed += in * in * in;
  }
  return size;
}

}  // namespace

RunWork work_of(const RunSize& size) {
  const auto layers = static_cast<double>(size.layers);
  const double all = static_cast<double>(size.task_tokens + size.text_tokens);
  const double probes = static_cast<double>(size.probe_tokens);
  const double forward = 2 * layers * static_cast<double>(size.block_weights);  // of a token
  const double head = 2 * static_cast<double>(size.vocab * size.hidden);        // of a token
  const double hessians = layers * size.in_squared;                             // of a token
  const double factors = layers * size.in_cubed;
  const double rounding = forward * static_cast<double>(size.linear_in) / 4;  // GPTQ of each unit
  const double widths = static_cast<double>(size.candidates) / std::max(1.0, 4 * layers);
  RunWork work;
  work.calibrate = static_cast<double>(size.task_tokens) * forward;
  work.score = all * (forward + hessians) + factors + widths * rounding / 2 +
               static_cast<double>(size.probe_forwards) / layers * probes * forward;
  work.score += size.draws > 0 ? probes * (widths * forward + (1 + size.draws) * head)
                               : static_cast<double>(size.candidates) * probes * head;
  // Inputs of the quantized prefix and of the full-precision model, stage by stage.
  work.quantize = all * (3 * forward + 2 * hessians) + 2 * factors + rounding / 2;
  work.verify = 3 * static_cast<double>(size.held_out_tokens) * (forward + head);
  return work;
}

int64_t peak_bytes_of(const RunSize& size) {
  constexpr int64_t kFloat = 4;
  const int64_t all = size.task_tokens + size.text_tokens;
  const int64_t ends = size.vocab * size.hidden * (size.tied ? 1 : 2);
  const int64_t block = 3 * size.block_weights;  // read, changed, and its float32 copy
  const int64_t streams = 3 * all * size.hidden;
  const int64_t stage = 2 * all * (size.hidden + size.largest_in);
  const int64_t hessian = 5 * size.largest_in * size.largest_in;
  // Gradients lie in bfloat16; a block's inputs and gradients of the probed rows.
  const int64_t gradients =
      size.probe_tokens * (size.layers * size.hidden * size.draws / 2 +
                           (size.linear_in + size.draws * size.linear_out) * (size.draws > 0));
  const int64_t perturbed = size.draws > 0 ? 0
                                           : size.candidates / std::max<int64_t>(1, size.layers) *
                                                 size.probe_tokens * size.hidden;
  const int64_t library = int64_t{150} << 20;  // libtorch itself
  return library +
         kFloat * (ends + block +
                   std::max(streams + stage + hessian + gradients + perturbed, 6 * kLogitsAtOnce));
}

Json estimate_run(const Model& model, const PromptSet& prompts, const ScoreOptions& options,
                  uint64_t seed) {
  RunSize size = size_of_model(model.config());
  size.task_tokens = count_tokens(prompts.task);
  size.text_tokens = tokens_of(prompts.text);
  size.held_out_tokens = count_tokens(prompts.held_out) + tokens_of(prompts.text_held_out);
  ScoreContext context;
  context.model = &model;
  context.prompts = &prompts;
  context.units = make_candidates(model.config(), options);
  context.groups =
      calibration_groups(prompts, {.probe_task_tokens = options.probe_tokens, .seed = seed});
  for (const auto& group : context.groups) size.probe_tokens += group.probe ? group.plan.rows() : 0;
  const Spec scorer = chosen_scorer(model, options);
  const ScoreCost cost = Registry<Scorer>::instance().make(scorer)->cost(context);
  size.candidates = cost.quantizations;
  size.probe_forwards = cost.block_forwards;
  if (scorer.name == "grad") size.draws = static_cast<int>(scorer_option(scorer, "draws"));
  const RunWork work = work_of(size);
  const double rate = product_rate(model);
  const auto seconds = [&](double operations) { return operations / (rate * kEfficiency); };
  return {{"units", context.units.size()},
          {"candidates", size.candidates},
          {"scorer", to_string(scorer)},
          {"seconds",
           {{"calibrate", seconds(work.calibrate)},
            {"score", seconds(work.score)},
            {"allocate and verify", seconds(2 * work.quantize + work.verify)},
            {"quantize and report", seconds(work.verify)}}},
          {"peak_bytes", peak_bytes_of(size)},
          {"gflops", rate / 1e9}};
}

}  // namespace mpq
