#pragma once
// What a run takes, before it is started: seconds by stage, and memory.
#include <cstdint>

#include "mpq/calib/prompt_set.h"
#include "mpq/model/model.h"
#include "mpq/pipeline/options.h"
#include "mpq/score/scorer.h"

namespace mpq {

/// Counts that the estimates are made from; tokens of all sequences of a kind.
struct RunSize {
  // The model.
  int64_t layers = 0, hidden = 0, vocab = 0;
  // Of a block, the mean over all: of a mixture a token meets the experts that it chooses.
  int64_t block_weights = 0;            // in its linears
  int64_t block_products = 0;           // multiply-adds for a token
  int64_t largest_in = 0;               // inputs of the widest linear
  int64_t linear_in = 0;                // inputs of a block's stages, summed
  int64_t linear_out = 0;               // outputs of a block's linears, summed
  double in_squared = 0, in_cubed = 0;  // of its inputs, summed: for a token, and once
  int64_t largest_block = 0;            // weights of the largest
  int64_t hessians = 0;                 // numbers of the Hessians that one stage needs at once
  bool tied = false;
  // The job.
  int64_t task_tokens = 0, text_tokens = 0, held_out_tokens = 0, probe_tokens = 0;
  int64_t candidates = 0;      // quantized, of all units
  int64_t score_products = 0;  // multiply-adds of the scorer's passes
  int draws = 0;               // gradients of every token; 0: candidates run to the output
};

/// Arithmetic, each kind at a rate of its own.
struct Work {
  double products = 0;  // floating-point operations of products in the compute dtype
  double wide = 0;      // of those in float32, solvers' as many as their time is worth
  double elements = 0;  // numbers that element-wise work makes

  Work operator+(const Work& other) const {
    return {products + other.products, wide + other.wide, elements + other.elements};
  }
  Work operator*(double times) const { return {products * times, wide * times, elements * times}; }
};
/// Of each stage.
struct RunWork {
  Work calibrate, score, quantize, verify;

  /// A plan and its uniform rival, both quantized and measured.
  Work verified_plan() const { return quantize * 2 + verify; }
};
RunWork work_of(const RunSize& size);
/// Of quantizing with passes of so many multiply-adds.
Work quantize_work(const RunSize& size, double products);

/// Peak memory of the stages in bytes, computing in float32: docs/performance.md, "Memory".
struct RunPeak {
  int64_t calibrate = 0, score = 0, quantize = 0, evaluate = 0;
  int64_t largest() const;
};
RunPeak peak_of(const RunSize& size);

/// The model and the prompts.
RunSize size_of_job(const Model& model, const PromptSet& prompts);
/// Those of a context, and what scoring it takes.
RunSize size_of_run(const ScoreContext& context, const Spec& scorer);

/// What the work takes here: each kind's rate is measured for a fifth of a second, once.
double estimated_seconds(const Model& model, const Work& work);

/// {"seconds", "peak_bytes"} of reading so many tokens by `models` models, and their logits.
Json estimate_evaluation(const Model& model, int64_t tokens, double models);

/// {"units", "candidates", "scorer", "seconds": {stage: s}, "peak_bytes", "gflops"}; the rates are
/// measured.
Json estimate_run(const Model& model, const PromptSet& prompts, const ScoreOptions& options,
                  uint64_t seed);

}  // namespace mpq
