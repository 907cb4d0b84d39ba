// The forms of a record: which one it has, and its prompt.
#include "task_record.h"

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/core/utf8.h"

namespace mpq::text {
namespace {

constexpr const char* kForms[] = {"messages", "conversations", "prompt", "instruction", "question"};
constexpr const char* kDocument = "text";  // many records of other forms have it too
constexpr size_t kMostNames = 12;

constexpr const char* kExpected =
    "{\"prompt\": \"...\"}, {\"messages\": [...]}, {\"conversations\": [...]}, "
    "{\"instruction\": \"...\"}, {\"question\": \"...\"} or {\"text\": \"...\"}";

std::string text_of(const Json& record, const std::string& key, const std::string& source) {
  const Json& value = record.at(key);
  if (!value.is_string())
    broken_record(source, fmt::format("text in \"{}\"", key),
                  fmt::format("\"{}\" that is not a string", key));
  return value.get<std::string>();
}

/// `first` and `second` with a blank line between them, where both say something.
std::string joined(const std::string& first, const std::string& second) {
  return first + (first.empty() || second.empty() ? "" : "\n\n") + second;
}

std::string optional_text(const Json& record, const std::string& key, const std::string& source) {
  return present(record, key) == nullptr ? "" : text_of(record, key, source);
}

void read_text_or_messages(const Json& record, const std::string& key, TaskPrompt& prompt) {
  const Json& value = record.at(key);
  if (value.is_array()) {
    read_chat(record, key, prompt);
  } else {
    if (!value.is_string()) {
      broken_record(prompt.source, fmt::format("text or a list of messages in \"{}\"", key),
                    fmt::format("\"{}\" that is not a string", key));
    }
    prompt.prompt = value.get<std::string>();
  }
}

/// The field that the record is known by.
std::string form_of(const Json& record, const TaskFields& fields, const std::string& source) {
  if (!fields.prompt.empty()) {
    if (present(record, fields.prompt) == nullptr) {
      broken_record(source, fmt::format("\"{}\", as --prompt-field names it", fields.prompt),
                    names_of_fields(record));
    }
    return fields.prompt;
  }
  std::vector<std::string> forms;
  for (const char* form : kForms) {
    if (present(record, form) != nullptr) forms.emplace_back(form);
  }
  if (forms.size() > 1) {
    broken_record(source, std::string("one of ") + kExpected,
                  fmt::format("both \"{}\" and \"{}\"; say which counts, for instance "
                              "--prompt-field {}",
                              forms[0], forms[1], forms[0]));
  }
  if (!forms.empty()) return forms.front();
  if (present(record, kDocument) != nullptr) return kDocument;
  broken_record(source, std::string(kExpected) + ", or the prompt's name in --prompt-field",
                names_of_fields(record));
}

}  // namespace

const Json* present(const Json& record, const std::string& key) {
  const auto found = record.find(key);
  return found == record.end() || found->is_null() ? nullptr : &*found;
}

void broken_record(const std::string& source, const std::string& expected,
                   const std::string& found) {
  fail(ErrorCode::Format, "{}: expected {}, found {}", source, expected, found);
}

std::string names_of_fields(const Json& record) {
  if (record.empty()) return "an empty object";
  std::string names;
  size_t count = 0;
  for (const auto& [name, value] : record.items()) {
    if (++count > kMostNames) break;
    names += (count > 1 ? ", " : "") + json_text(Json(name));
  }
  if (count > kMostNames) names += fmt::format(" and {} more", record.size() - kMostNames);
  return "an object with " + names;
}

bool is_task_record(const Json& object, const TaskFields& fields) {
  if (!fields.prompt.empty()) return present(object, fields.prompt) != nullptr;
  return present(object, kDocument) != nullptr ||
         std::any_of(std::begin(kForms), std::end(kForms),
                     [&](const char* form) { return present(object, form) != nullptr; });
}

TaskPrompt read_task_record(const Json& record, const TaskFields& fields,
                            const std::string& source) {
  if (!record.is_object())
    broken_record(source, kExpected, fmt::format("JSON that is {}", record.type_name()));
  TaskPrompt prompt;
  prompt.source = source;
  const std::string form = form_of(record, fields, source);
  std::vector<std::string> own_answer;
  if (!fields.prompt.empty()) {
    read_text_or_messages(record, form, prompt);
    own_answer = {"completion", "output"};
  } else if (form == "messages" || form == "conversations") {
    read_chat(record, form, prompt);
  } else if (form == "prompt") {
    read_text_or_messages(record, form, prompt);
    own_answer = {"completion"};
  } else if (form == "instruction") {
    prompt.prompt = joined(text_of(record, form, source), optional_text(record, "input", source));
    own_answer = {"output"};
  } else if (form == "question") {
    prompt.prompt = joined(optional_text(record, "context", source), text_of(record, form, source));
  } else {
    prompt.prompt = text_of(record, form, source);
  }
  read_labels(record, fields, own_answer, prompt);
  return prompt;
}

}  // namespace mpq::text
