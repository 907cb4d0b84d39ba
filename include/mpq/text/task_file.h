#pragma once
// Task files (JSON lines, JSON arrays, gzipped or not) and plain text, as prompts; see cli.md,
// "Task files".
#include <optional>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq {

/// One record of a task file. Exactly one of `prompt` and `messages` is given.
struct TaskPrompt {
  std::string source;  // "file:line", or "file: record N" of an array, for messages
  std::string prompt;
  Json messages;                     // null unless the record is a chat
  Json tools;                        // that the chat may call, as JSON schemas; null: none
  std::vector<std::string> answers;  // gold answers; empty: none
  std::vector<std::string> choices;  // multiple choice; empty: none
  int label = -1;                    // index of the right choice
  bool held_out = false;             // never calibrated on
};

/// Names of the fields that a task file uses for what mpq does not find by itself; empty: the known
/// names. A named field must be in every record.
struct TaskFields {
  std::string prompt = {};   // text, or a list of messages; overrules every known form
  std::string answer = {};   // text, several texts, or with choices which one is right
  std::string choices = {};  // texts, or {"text": [...], "label": [...]}

  bool operator==(const TaskFields&) const = default;
};

Json to_json(const TaskFields& fields);
/// Absent or null: the known names. Throws Error(Format) naming `where`.
TaskFields task_fields_from_json(const Json& json, const std::string& where);

/// Reads JSON lines, one JSON array of records, or one object whose only array holds them; also
/// gzipped, also behind a byte order mark. Blank lines are skipped, fields that are not known are
/// ignored, null is as good as absent. A record is one of
///   {"messages": [{"role", "content"}]}, {"conversations": [{"from", "value"}]} (ShareGPT),
///   {"prompt"} as text or as messages, with "completion" or not,
///   {"instruction", "input", "output"} (Alpaca), {"question"} with "context" before it or not,
///   {"text"} where it has none of these;
/// a chat with "tools" (a list, or the JSON text of one) and with "system", its first message.
/// Two of the forms in one record are an error, to be settled by `fields`. Of "answers", "answer"
/// and the form's own ("completion", "output") the first that is there counts; with "choices" one
/// of "label", "answerKey" and "answer" says which is right, by index, letter or text. A broken
/// record is Error(Format) with its place and what was expected. Lines are held out by a hash of
/// their bytes, records of an array by that of their compact JSON: about `holdout` (0..1) of them,
/// the same ones in every run.
std::vector<TaskPrompt> read_task_files(const std::vector<std::string>& paths, double holdout,
                                        const TaskFields& fields = {});

/// A plain text file as documents: split at "<|endoftext|>" lines or, without any, kept whole.
/// Error(Format) when not UTF-8 text.
std::vector<std::string> read_text_documents(const std::string& path);

}  // namespace mpq
