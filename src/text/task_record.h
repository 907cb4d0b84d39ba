#pragma once
// One record of a task file, and the parts that its forms share.
#include <string>
#include <vector>

#include "mpq/text/task_file.h"

namespace mpq::text {

/// Whether the object has what one of the known forms, or `fields`, begins with.
bool is_task_record(const Json& object, const TaskFields& fields);
/// Throws Error(Format) naming `source`.
TaskPrompt read_task_record(const Json& record, const TaskFields& fields,
                            const std::string& source);

/// Chat messages as {"role", "content"}, of these or of ShareGPT's {"from", "value"}; `key` names
/// them in errors.
Json read_messages(const Json& value, const std::string& key, const std::string& source);
/// The record's messages in its member `key`, behind its "system", and its "tools".
void read_chat(const Json& record, const std::string& key, TaskPrompt& prompt);
/// Answers, or choices and the right one. `own_answer`: what the record's form calls its answer
/// beside "answers" and "answer"; an empty one there is none.
void read_labels(const Json& record, const TaskFields& fields,
                 const std::vector<std::string>& own_answer, TaskPrompt& prompt);

/// The member; null when it is absent or null, as tables write what a row lacks.
const Json* present(const Json& record, const std::string& key);
/// Throws Error(Format) "SOURCE: expected ..., found ...".
[[noreturn]] void broken_record(const std::string& source, const std::string& expected,
                                const std::string& found);
/// "an object with "a", "b"", for errors.
std::string names_of_fields(const Json& record);

}  // namespace mpq::text
