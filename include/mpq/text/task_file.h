#pragma once
// Task files (JSON lines) and plain text, as prompts; see cli.md, "Task files".
#include <optional>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq {

/// One line of a task file. Exactly one of `prompt` and `messages` is given.
struct TaskPrompt {
  std::string source;  // "file:line", for messages
  std::string prompt;
  Json messages;                     // null unless the line has "messages"
  std::vector<std::string> answers;  // gold answers; empty: none
  std::vector<std::string> choices;  // multiple choice; empty: none
  int label = -1;                    // index of the right choice
  bool held_out = false;             // never calibrated on
};

/// Reads .jsonl (or .json lines) files. Blank lines are skipped; a broken line is Error(Format)
/// with file:line and what was expected. Lines are held out by a hash of their bytes: about
/// `holdout` (0..1) of them, the same ones in every run.
std::vector<TaskPrompt> read_task_files(const std::vector<std::string>& paths, double holdout);

/// A plain text file as documents: split at "<|endoftext|>" lines or, without any, kept whole.
/// Error(Format) when not UTF-8 text.
std::vector<std::string> read_text_documents(const std::string& path);

}  // namespace mpq
