#pragma once
// What the stages after `calibrate` work on: the model, its prompts and statistics, and the hashes
// that identify them.
#include <memory>
#include <string>
#include <vector>

#include "mpq/calib/block_statistics.h"
#include "mpq/calib/fisher.h"
#include "mpq/calib/prompt_set.h"
#include "mpq/pipeline/options.h"
#include "mpq/pipeline/work_folder.h"
#include "mpq/text/tokenizer.h"

namespace mpq {

/// Opens any checkpoint that mpq reads: its folder, or a GGUF file. The model's folder() has the
/// other files.
std::unique_ptr<Model> open_model(const std::string& path, const ComputeOptions& options);
/// Names of the weight files that are read of a checkpoint folder: others may lie beside them.
std::vector<std::string> weight_files(const std::string& folder);
/// Hash of all that is read of a checkpoint folder: weights, configuration, tokenizer, templates.
std::string checkpoint_hash(const std::string& folder, WorkFolder& work);
/// Bytes of a checkpoint folder's weight files.
int64_t weight_file_bytes(const std::string& folder);
/// Hash of the contents of several files, in order.
std::string files_hash(const std::vector<std::string>& paths, WorkFolder& work);
/// The limit of --max-memory, spilling into the work folder.
MemoryBudget memory_budget(const CommonOptions& common);

/// A calibrated work folder, opened and held against other processes unless this is a dry run.
/// Throws Error(Usage) when `calibrate` has not run, or the model's files changed since.
struct Session {
  /// `made_from`: key of a plan's calibration; empty: the one calibrated last.
  explicit Session(const CommonOptions& common, const std::string& made_from = "");

  CommonOptions common;
  WorkFolder work;
  Json calibration;  // facts of the calibrate stage: model, task, hashes
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  PromptSet prompts;
  std::vector<BlockStatistics> statistics;
  MemoryBudget memory;

  /// Fisher scores of the task's calibration prompts, computed when first asked for and kept in the
  /// work folder.
  const ChannelFisher& fisher();

  /// The model's folder, and the task and text files: what no output may replace.
  std::vector<std::string> inputs() const;
  std::string calibration_key() const { return calibration.at("key"); }

 private:
  ChannelFisher fisher_;
};

/// The general text that ships with mpq, for Hessians and for measuring what a plan loses beside
/// the task.
std::string general_text();

}  // namespace mpq
