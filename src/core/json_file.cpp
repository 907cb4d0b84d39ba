// JSON files on disk.
#include "mpq/core/json_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "mpq/core/file_kind.h"
#include "mpq/core/json_reads.h"
#include "mpq/core/new_file.h"
#include "mpq/core/utf8.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace mpq {
namespace {

constexpr size_t kLongestShown = 80;
constexpr int kDeepest = 500;
constexpr std::string_view kInfinity = "Infinity";
constexpr std::string_view kLargest = "1.7976931348623157e+308";  // as the library writes it

/// The bytes outside of strings, each with its index.
template <class Visit>
void visit_outside_strings(std::string_view text, const Visit& visit) {
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      inside = !inside;
    } else if (inside && text[i] == '\\') {
      ++i;
    } else if (!inside) {
      visit(i);
    }
  }
}

std::string replaced_outside_strings(std::string_view text, std::string_view old,
                                     std::string_view with) {
  std::string result;
  size_t copied = 0;
  visit_outside_strings(text, [&](size_t i) {
    if (text.substr(i, old.size()) != old) return;
    result.append(text.substr(copied, i - copied)).append(with);
    copied = i + old.size();
  });
  return result.append(text.substr(copied));
}

template <class Value>
Value read_file(const std::string& path) {
  std::string text = read_text_file(path);
  require_shallow_json(text, path);
  if (text.find(kInfinity) != text.npos) text = replaced_outside_strings(text, kInfinity, kLargest);
  try {
    return Value::parse(text);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::Format, "{}:{}: expected JSON, found {}", path, json_fault_line(error, text),
         json_fault(error, text));
  }
}

}  // namespace

std::string read_text_file(const std::string& path) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::Io,
          "{}: expected a file, found a folder", path);
  std::ifstream file(path, std::ios::binary);
  require(file.good(), ErrorCode::Io, "{}: cannot be read: {}", path, std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  require(!file.bad(), ErrorCode::Io, "{}: reading failed", path);
  refuse_pointer(path, text.view());
  return std::move(text).str();
}

void require_shallow_json(std::string_view text, const std::string& where) {
  int depth = 0;
  visit_outside_strings(text, [&](size_t i) {
    if (text[i] == ']' || text[i] == '}') --depth;
    if (text[i] == '[' || text[i] == '{') ++depth;
    require(depth <= kDeepest, ErrorCode::Format,
            "{}: expected JSON nested at most {} deep, found more at byte {}", where, kDeepest, i);
  });
}

Json parse_json(std::string_view text, const std::string& where) {
  require_shallow_json(text, where);
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::Format, "{}: expected JSON, found {}", where, json_fault(error, text));
  }
}

Json read_json_file(const std::string& path) { return read_file<Json>(path); }

nlohmann::json read_large_json_file(const std::string& path) {
  return read_file<nlohmann::json>(path);
}

void write_text_file(const std::string& path, std::string_view text) {
  NewFile file(path);
  file.write(text.data(), text.size());
  file.finish();
}

std::string json_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void write_json_file(const std::string& path, const Json& value) {
  std::string text = json_text(value, 2);
  if (text.find(kLargest) != text.npos) text = replaced_outside_strings(text, kLargest, kInfinity);
  write_text_file(path, text + "\n");
}

namespace json_detail {

const Json* find(const Json& object, const char* key) {
  JsonReads::note(key);
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

void fail_missing(const Json& object, const char* key, const std::string& where) {
  require(object.is_object(), ErrorCode::Format, "{}: expected an object with \"{}\", found {}",
          where, key, object.type_name());
  fail(ErrorCode::Format, "{}: \"{}\" is missing", where, key);
}

void fail_type(const Json& value, const char* key, const std::string& where) {
  fail(ErrorCode::Format,
       "{}: \"{}\" has the wrong type or is a number that does not fit, found {}", where, key,
       repaired_utf8(json_text(value).substr(0, kLongestShown)));
}

}  // namespace json_detail
}  // namespace mpq
