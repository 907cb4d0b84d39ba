// json.dumps.
#include <cmath>

#include "budget.h"
#include "dict.h"
#include "operations.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  std::string take() { return std::move(out_); }
  void write(const Value& value);

 private:
  void put(std::string_view text) {
    out_ += text;
    require_text_size(out_.size());
  }
  void write_text(const std::string& text);
  void write_list(const std::vector<Value>& items);
  void write_dict(const Dict& dict);
  void new_line();

  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return number_repr(value);
}

std::string utf16_escape(char32_t c) {
  const auto code = static_cast<uint32_t>(c);
  if (code < 0x10000) return fmt::format("\\u{:04x}", code);
  const uint32_t rest = code - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

std::string key_text(const Value& key) {
  switch (key.kind()) {
    case Kind::Text:
      return key.as_text();
    case Kind::None:
      return "null";
    case Kind::Bool:
      return key.as_bool() ? "true" : "false";
    case Kind::Int:
      return to_text(key);
    case Kind::Float:
      return json_number(key.as_number());
    default:
      raise("keys must be str, int, float, bool or None, not {}", type_name(key));
  }
}

void JsonWriter::write_text(const std::string& text) {
  std::string quoted = "\"";
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '\b':
        quoted += "\\b";
        break;
      case '\f':
        quoted += "\\f";
        break;
      default:
        if (c < 0x20 || (style_.ascii && c > 0x7E)) {
          quoted += utf16_escape(c);
        } else {
          append_utf8(quoted, c);
        }
    }
  }
  put(quoted + '"');
}

void JsonWriter::new_line() {
  if (!style_.indent) return;
  put("\n");
  for (int i = 0; i < level_; ++i) put(*style_.indent);
}

void JsonWriter::write_list(const std::vector<Value>& items) {
  if (items.empty()) return put("[]");
  put("[");
  ++level_;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) put(style_.item_separator);
    new_line();
    write(items[i]);
  }
  --level_;
  new_line();
  put("]");
}

void JsonWriter::write_dict(const Dict& dict) {
  if (dict.size() == 0) return put("{}");
  std::vector<Value> keys;
  for (const auto& entry : dict.entries()) keys.push_back(entry.first);
  if (style_.sort_keys) sort_values(keys, is_less);
  put("{");
  ++level_;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) put(style_.item_separator);
    new_line();
    write_text(key_text(keys[i]));
    put(style_.key_separator);
    write(*dict.find(keys[i]));
  }
  --level_;
  new_line();
  put("}");
}

void JsonWriter::write(const Value& value) {
  Budget::spend_steps(1);
  switch (value.kind()) {
    case Kind::None:
      return put("null");
    case Kind::Bool:
      return put(value.as_bool() ? "true" : "false");
    case Kind::Int:
      return put(to_text(value));
    case Kind::Float:
      return put(json_number(value.as_number()));
    case Kind::Text:
      return write_text(value.as_text());
    case Kind::List:
    case Kind::Tuple:
      return write_list(value.items());
    case Kind::Dict:
      return write_dict(value.as_dict());
    default:
      raise("Object of type {} is not JSON serializable", type_name(value));
  }
}

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value);
  return writer.take();
}

}  // namespace mpq::text::jinja
