#pragma once
// Everything a user can ask of the stages, with its defaults; the command line and --config fill
// the same fields.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "mpq/calib/prompt_options.h"
#include "mpq/model/compute_options.h"
#include "mpq/text/task_file.h"

namespace mpq {

/// Shared by all stages.
struct CommonOptions {
  std::string work = "mpq-work";
  ComputeOptions compute;
  uint64_t seed = 0;
  std::string max_memory;  // of hidden states and caches; empty: no limit
  bool dry_run = false;
  bool overwrite = false;
  std::string command;  // as it was typed, for the report
};

struct CalibrateOptions {
  std::string model;
  std::vector<std::string> task;
  TaskFields fields;              // of the task's records
  std::vector<std::string> text;  // empty: the general text that ships with mpq
  PromptOptions prompts;
  int64_t skip_first_tokens = 0;
};

struct ScoreOptions {
  std::string scorer = "auto";             // by the number of blocks
  std::vector<std::string> palette;        // widths, or whole specs; empty: the target's
  std::string quantizer = "gptq:sym,aim";  // completes bare widths
  int group = 128;
  bool fuse = true;
  bool ends = false;  // the embedding and the head too, where the format holds them
  double text_share = 0.2;
  int64_t probe_tokens = 0;  // of the task, that candidates are measured on; 0: by depth
  std::string target;        // empty: the first of the format, or transformers
  std::string format;        // empty: the target's
};

struct AllocateOptions {
  std::vector<std::string> budgets;  // effective bits, "2.5:4.5:0.25" for a curve
  std::string budget_counts =
      "all";                // all: metadata included; codes: code bits alone, as papers do
  std::string target_size;  // bytes of the whole checkpoint instead of a budget in bits
  std::string allocator = "mckp";
  bool verify = true;
  double max_general_kl = 0.05;  // on text, beyond the uniform plan's: more is marked
  int refine = 0;                // rounds of exchanges tried by measured joint loss
  std::string out = "plan.json";
};

struct QuantizeOptions {
  std::string plan = "plan.json";
  std::string out = "mpq-checkpoint";
  std::string format;  // empty: the plan's
};

struct RecipeOptions {
  std::string plan = "plan.json";
  std::string out = "mpq-recipe";
};

/// Limits that make `diff` fail; NaN, or empty: none.
struct GateOptions {
  double max_drop = std::numeric_limits<double>::quiet_NaN();  // percentage points of the metric
  double max_kl = std::numeric_limits<double>::quiet_NaN();    // nats per token beyond the first's
  std::string max_bytes;                                       // of the second's weight files
};

struct DiffOptions {
  std::string first, second;  // checkpoint folders, or reports that `eval` or `run` wrote
  GateOptions gates;
};

struct ReportOptions {
  std::string plan = "plan.json";
  std::string checkpoint;  // empty: the plan's parts in the work folder
  std::string out = "report.html";
};

struct EvalOptions {
  std::string model;
  std::string reference;
  std::vector<std::string> task;
  TaskFields fields;  // of the task's records; in a report none means calibration's
  std::vector<std::string> text;
  int64_t max_new_tokens = 16;
  int64_t max_tokens = 2048;     // of a prompt; longer ones keep their front and their end
  std::string score_on = "all";  // answers: prompts are read with their answers
  int64_t limit = 0;             // prompts; 0: all
  int64_t window = 512;          // of text, in tokens
  int64_t text_windows = 0;      // 0: all
  std::string out;
};

}  // namespace mpq
