// What is right: the answers of a record, or its choices and which of them.
#include <algorithm>
#include <charconv>
#include <set>

#include "mpq/core/error.h"
#include "task_record.h"

namespace mpq::text {
namespace {

std::vector<std::string> strings(const Json& value, const std::string& key,
                                 const std::string& source) {
  const auto is_text = [](const Json& entry) { return entry.is_string(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_text)) {
    broken_record(source, fmt::format("a list of texts in \"{}\"", key),
                  fmt::format("\"{}\" that is not an array of strings", key));
  }
  return value.get<std::vector<std::string>>();
}

/// TRL writes the completion of a chat as the one message that follows.
std::string completion_text(const Json& value, const std::string& key, const std::string& source) {
  const Json messages = read_messages(value, key, source);
  const Json content = messages.front().value("content", Json());
  if (messages.size() > 1 || !content.is_string()) {
    broken_record(
        source, fmt::format("one message with text in \"{}\"", key),
        messages.size() > 1 ? fmt::format("{} messages", messages.size()) : "one without text");
  }
  return content.get<std::string>();
}

std::vector<std::string> answers_of(const Json& value, const std::string& key,
                                    const std::string& source) {
  if (value.is_string() && key != "answers") return {value.get<std::string>()};
  if (value.is_object() && value.contains("text")) {  // SQuAD; what has no answer has none here
    const Json& texts = value.at("text");
    return texts.is_array() && texts.empty() ? std::vector<std::string>()
                                             : strings(texts, key + ".text", source);
  }
  if (value.is_array() && !value.empty() && value.front().is_object())
    return {completion_text(value, key, source)};
  if (key == "answers") return strings(value, key, source);
  if (!value.is_array()) {
    broken_record(source, fmt::format("text, or a list of texts, in \"{}\"", key),
                  fmt::format("\"{}\" that is not a string", key));
  }
  return strings(value, key, source);
}

struct Choices {
  std::vector<std::string> texts;
  std::vector<std::string> names;  // ARC's "A" or "1"; empty: they have none
};

Choices choices_of(const Json& value, const std::string& key, const std::string& source) {
  if (!value.is_object()) return {strings(value, key, source), {}};
  if (present(value, "text") == nullptr) {
    broken_record(source, fmt::format("texts, or {{\"text\": [...]}}, in \"{}\"", key),
                  names_of_fields(value));
  }
  Choices choices{strings(value.at("text"), key + ".text", source), {}};
  if (present(value, "label") == nullptr) return choices;
  choices.names = strings(value.at("label"), key + ".label", source);
  if (choices.names.size() != choices.texts.size()) {
    broken_record(source, fmt::format("as many labels as texts in \"{}\"", key),
                  fmt::format("{} and {}", choices.names.size(), choices.texts.size()));
  }
  return choices;
}

void add_equal(const std::vector<std::string>& all, const std::string& one, std::set<int>& found) {
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == one) found.insert(static_cast<int>(i));
  }
}

/// Every choice that the label may mean: by its name; otherwise by its text, letter or index.
std::set<int> meant(const Json& label, const Choices& choices) {
  const auto count = static_cast<int64_t>(choices.texts.size());
  std::set<int> found;
  const auto add_index = [&](int64_t index) {
    if (index >= 0 && index < count) found.insert(static_cast<int>(index));
  };
  if (label.is_number_integer()) {
    add_equal(choices.names, label.dump(), found);
    add_index(label.get<int64_t>());
  }
  if (!label.is_string()) return found;
  const auto text = label.get<std::string>();
  add_equal(choices.names, text, found);
  if (!found.empty()) return found;
  add_equal(choices.texts, text, found);
  if (text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') add_index(text[0] - 'A');
  int64_t index = -1;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, index);
  if (parsed.ec == std::errc() && parsed.ptr == end) add_index(index);
  return found;
}

int label_of(const Json& value, const std::string& key, const Choices& choices,
             const std::string& source) {
  const std::set<int> found = meant(value, choices);
  if (found.size() == 1) return *found.begin();
  broken_record(
      source,
      fmt::format("the index (from 0), the letter or the text of the right choice in \"{}\"", key),
      fmt::format("the label {} for {} choices{}",
                  value.is_primitive() ? json_text(value) : value.type_name(), choices.texts.size(),
                  found.empty() ? "" : ", which may mean more than one of them"));
}

void read_choices(const Json& record, const TaskFields& fields, const std::string& key,
                  TaskPrompt& prompt) {
  const std::string& source = prompt.source;
  if (fields.answer.empty() && present(record, "answers") != nullptr)
    broken_record(source, "either of them", fmt::format("both \"answers\" and \"{}\"", key));
  const Choices choices = choices_of(record.at(key), key, source);
  std::vector<std::string> keys = {"label", "answerKey", "answer"};
  if (!fields.answer.empty()) keys = {fields.answer};
  std::set<int> labels;
  for (const auto& name : keys) {
    if (const Json* value = present(record, name))
      labels.insert(label_of(*value, name, choices, source));
  }
  if (labels.size() != 1) {
    broken_record(
        source,
        fmt::format("\"label\", \"answerKey\" or \"answer\" with the right one of \"{}\", "
                    "or its name in --answer-field",
                    key),
        labels.empty() ? names_of_fields(record)
                       : std::string("labels that contradict one another"));
  }
  prompt.choices = choices.texts;
  prompt.label = *labels.begin();
}

void require_field(const Json& record, const std::string& name, const char* option,
                   const std::string& source) {
  if (name.empty() || present(record, name) != nullptr) return;
  broken_record(source, fmt::format("\"{}\", as {} names it", name, option),
                names_of_fields(record));
}

}  // namespace

void read_labels(const Json& record, const TaskFields& fields,
                 const std::vector<std::string>& own_answer, TaskPrompt& prompt) {
  require_field(record, fields.choices, "--choices-field", prompt.source);
  require_field(record, fields.answer, "--answer-field", prompt.source);
  const std::string choices = fields.choices.empty() ? "choices" : fields.choices;
  if (present(record, choices) != nullptr) return read_choices(record, fields, choices, prompt);
  std::vector<std::string> keys = {"answers", "answer"};
  keys.insert(keys.end(), own_answer.begin(), own_answer.end());
  if (!fields.answer.empty()) keys = {fields.answer};
  for (const auto& key : keys) {
    const Json* value = present(record, key);
    if (value == nullptr) continue;
    prompt.answers = answers_of(*value, key, prompt.source);
    const bool own = std::find(own_answer.begin(), own_answer.end(), key) != own_answer.end();
    if (own && prompt.answers == std::vector<std::string>{""}) prompt.answers.clear();
    return;
  }
}

}  // namespace mpq::text
