// Task files: lines, arrays and what they may be wrapped in.
#include "mpq/text/task_file.h"

#include <algorithm>
#include <cmath>

#include "gunzip.h"
#include "mpq/core/error.h"
#include "mpq/core/file_kind.h"
#include "mpq/core/hash.h"
#include "task_record.h"
#include "utf8.h"

namespace mpq {
namespace {

constexpr uint64_t kMostBytes = uint64_t{4} << 30;  // decompressed: a few MB can claim any size
constexpr const char* kBlank = " \t\r\n";

// The first 64 bits of the record's SHA-256 as a fraction of 2^64: the same in every run and on
// every machine.
bool is_held_out(std::string_view record, double holdout) {
  const uint64_t bits = std::stoull(sha256_of(record).substr(0, 16), nullptr, 16);
  return std::ldexp(static_cast<double>(bits), -64) < holdout;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(kBlank) == text.npos; }

std::string_view first_line(std::string_view text) {
  return text.substr(0, std::min(text.find('\n'), text.size()));
}

/// What a program that prints JSON over several lines begins with.
bool opens_a_document(std::string_view line) {
  const size_t last = line.find_last_not_of(kBlank);
  return last != line.npos && (line[last] == '{' || line[last] == '[');
}

class TaskFile {
 public:
  TaskFile(const std::string& path, double holdout, const TaskFields& fields,
           std::vector<TaskPrompt>& prompts)
      : path_(path), holdout_(holdout), fields_(fields), prompts_(prompts) {}

  void read() {
    std::string content = read_text_file(path_);
    if (text::is_gzip(content)) content = text::gunzip(content, path_, kMostBytes);
    const std::string_view whole = without_byte_order_mark(content);
    if (!read_document(whole)) read_lines(whole);
  }

 private:
  /// Whether the file is one JSON value that holds the records, which are then read.
  bool read_document(std::string_view whole) {
    const size_t begin = whole.find_first_not_of(kBlank);
    if (begin == whole.npos || (whole[begin] != '[' && whole[begin] != '{')) return false;
    bool is_line = false;
    if (whole[begin] == '{') {
      const std::string_view line = first_line(whole.substr(begin));
      is_line = Json::accept(line);
      const bool alone = is_blank(whole.substr(begin + line.size()));
      if (is_line != alone) return false;  // the first of several lines, or a broken one
      if (!is_line && !opens_a_document(line) && !Json::accept(whole)) return false;
    }
    const Json document = parse(whole);
    const Json* records = records_of(document);
    if (records == nullptr && is_line) return false;
    if (records == nullptr) {
      add(document, path_ + ": record 1", document.dump());
      return true;
    }
    int number = 0;
    for (const Json& record : *records)
      add(record, fmt::format("{}: record {}", path_, ++number), record.dump());
    return true;
  }

  Json parse(std::string_view whole) const {
    require_shallow_json(whole, path_);
    try {
      return Json::parse(whole);
    } catch (const nlohmann::json::exception& error) {
      fail(ErrorCode::Format,
           "{}:{}: expected JSON lines (one record a line) or one JSON array of records, found {}",
           path_, json_fault_line(error, whole), json_fault(error, whole));
    }
  }

  /// An array, or that of {"version": 1, "data": [...]}; null where the object is a record itself.
  const Json* records_of(const Json& document) const {
    if (document.is_array()) return &document;
    if (text::is_task_record(document, fields_)) return nullptr;
    const Json* found = nullptr;
    for (const auto& [name, value] : document.items()) {
      if (!value.is_array() || value.empty() || !value.front().is_object()) continue;
      if (found != nullptr) {
        text::broken_record(path_, "one array of records in the object",
                            "several in " + text::names_of_fields(document));
      }
      found = &value;
    }
    return found;
  }

  void read_lines(std::string_view rest) {
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = first_line(rest);
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      line = without_byte_order_mark(line);  // of joined files too
      if (is_blank(line)) continue;
      if (line.back() == '\r') line.remove_suffix(1);
      read_line(line, fmt::format("{}:{}", path_, number));
    }
  }

  void read_line(std::string_view line, const std::string& source) {
    constexpr const char* kRecord = "one JSON record a line";
    if (text::invalid_utf8_at(line) != line.npos)
      text::broken_record(source, kRecord, "bytes that are not UTF-8");
    require_shallow_json(line, source);
    Json record;
    try {
      record = Json::parse(line);
    } catch (const nlohmann::json::exception& error) {
      text::broken_record(source, kRecord, "a line that is not JSON: " + json_fault(error, line));
    }
    add(record, source, line);
  }

  void add(const Json& record, const std::string& source, std::string_view hashed) {
    prompts_.push_back(text::read_task_record(record, fields_, source));
    prompts_.back().held_out = is_held_out(hashed, holdout_);
  }

  const std::string& path_;
  double holdout_;
  const TaskFields& fields_;
  std::vector<TaskPrompt>& prompts_;
};

}  // namespace

Json to_json(const TaskFields& fields) {
  return {{"prompt", fields.prompt}, {"answer", fields.answer}, {"choices", fields.choices}};
}

TaskFields task_fields_from_json(const Json& json, const std::string& where) {
  return {json_get_or<std::string>(json, "prompt", "", where),
          json_get_or<std::string>(json, "answer", "", where),
          json_get_or<std::string>(json, "choices", "", where)};
}

std::vector<TaskPrompt> read_task_files(const std::vector<std::string>& paths, double holdout,
                                        const TaskFields& fields) {
  require(holdout >= 0 && holdout <= 1, ErrorCode::Usage, "holdout is {}, expected 0 to 1",
          holdout);
  std::vector<TaskPrompt> prompts;
  for (const std::string& path : paths) TaskFile(path, holdout, fields, prompts).read();
  return prompts;
}

}  // namespace mpq
