#pragma once
// What a run takes, before it is started: seconds by stage, and memory.
#include <cstdint>

#include "mpq/calib/prompt_set.h"
#include "mpq/model/model.h"
#include "mpq/pipeline/options.h"

namespace mpq {

/// Counts that the estimates are made from; tokens of all sequences of a kind.
struct RunSize {
  // The model.
  int64_t layers = 0, hidden = 0, vocab = 0;
  int64_t block_weights = 0;            // in the linears of a block
  int64_t largest_in = 0;               // inputs of the widest linear
  int64_t linear_in = 0;                // inputs of a block's stages, summed
  int64_t linear_out = 0;               // outputs of a block's linears, summed
  double in_squared = 0, in_cubed = 0;  // of a block's stages, summed
  bool tied = false;
  // The job.
  int64_t task_tokens = 0, text_tokens = 0, held_out_tokens = 0, probe_tokens = 0;
  int64_t candidates = 0;      // quantized, of all units
  int64_t probe_forwards = 0;  // of one block over the probe tokens
  int draws = 0;               // gradients of every token; 0: candidates run to the output
};

/// Arithmetic of each stage, in floating-point operations; multiply-add counts two.
struct RunWork {
  double calibrate = 0, score = 0, quantize = 0, verify = 0;
};
RunWork work_of(const RunSize& size);

/// Peak memory in bytes, computing in float32: docs/performance.md, "Memory".
int64_t peak_bytes_of(const RunSize& size);

/// {"units", "candidates", "scorer", "seconds": {stage: s}, "peak_bytes", "gflops"}; the rate of
/// products is measured for half a second.
Json estimate_run(const Model& model, const PromptSet& prompts, const ScoreOptions& options,
                  uint64_t seed);

}  // namespace mpq
