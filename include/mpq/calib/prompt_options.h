#pragma once
// How much of the task and of general text is calibrated on.
#include <cstdint>
#include <string>

namespace mpq {

struct PromptOptions {
  double holdout = 0.25;      // share of the task file never calibrated on
  int64_t max_prompts = 256;  // calibrated on; the rest of the file is not read further
  int64_t max_tokens = 512;  // of a prompt; longer ones keep their front (BOS) and their end, where
                             // the answer follows
  std::string score_on = "all";  // answers: prompts are read with their answers, and losses are
                                 // measured where these are predicted
  int64_t text_windows = 32;     // general text beside the task
  int64_t text_window_tokens = 256;
};

}  // namespace mpq
