#pragma once
// How much of the task and of general text is calibrated on.
#include <cstdint>

namespace mpq {

struct PromptOptions {
  double holdout = 0.25;      // share of the task file never calibrated on
  int64_t max_prompts = 256;  // calibrated on; the rest of the file is not read further
  int64_t max_tokens = 512;  // of a prompt; longer ones keep their front (BOS) and their end, where
                             // the answer follows
  int64_t text_windows = 32;  // general text beside the task
  int64_t text_window_tokens = 256;
};

}  // namespace mpq
