// str() and repr() of values.
#include <cmath>

#include "budget.h"
#include "operations.h"
#include "python_text.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

constexpr int kMaxReprDepth = kMaxNesting + 50;  // namespaces may hold themselves

struct Printer {
  std::string out;
  int depth = 0;

  void put(std::string_view text) {
    out += text;
    require_text_size(out.size());
  }
  void put_items(const std::vector<Value>& items);
  void put_dict(const Dict& dict);
  void put_value(const Value& value);
};

void Printer::put_items(const std::vector<Value>& items) {
  const char* separator = "";
  for (const Value& item : items) {
    put(separator);
    put_value(item);
    separator = ", ";
  }
}

void Printer::put_dict(const Dict& dict) {
  const char* separator = "{";
  for (const auto& [key, value] : dict.entries()) {
    put(separator);
    put_value(key);
    put(": ");
    put_value(value);
    separator = ", ";
  }
  put(dict.size() == 0 ? "{}" : "}");
}

void Printer::put_value(const Value& value) {
  Budget::spend_steps(1);
  if (++depth > kMaxReprDepth) raise("maximum recursion depth exceeded while printing a value");
  switch (value.kind()) {
    case Kind::Text:
      put(value.is_markup() ? "Markup(" + text_repr(value.as_text()) + ")"
                            : text_repr(value.as_text()));
      break;
    case Kind::List:
      put("[");
      put_items(value.items());
      put("]");
      break;
    case Kind::Tuple:
      put("(");
      put_items(value.items());
      put(value.items().size() == 1 ? ",)" : ")");
      break;
    case Kind::Dict:
      put_dict(value.as_dict());
      break;
    case Kind::Undefined:
      put("Undefined");
      break;
    default:
      put(to_text(value));
  }
  --depth;
}

thread_local int object_depth = 0;

}  // namespace

std::string number_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string text_repr(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      append_utf8(out, c);
    } else {
      const auto code = static_cast<uint32_t>(c);
      out += code < 0x100     ? fmt::format("\\x{:02x}", code)
             : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                              : fmt::format("\\U{:08x}", code);
    }
  }
  return out + quote;
}

std::string to_text(const Value& value) {
  switch (value.kind()) {
    case Kind::Undefined:
      return "";
    case Kind::None:
      return "None";
    case Kind::Bool:
      return value.as_bool() ? "True" : "False";
    case Kind::Int:
      return fmt::format("{}", value.as_integer());
    case Kind::Float:
      return number_repr(value.as_number());
    case Kind::Text:
      return value.as_text();
    case Kind::Object: {
      // A namespace prints what it holds, itself perhaps.
      const CallDepth guard(object_depth);
      if (object_depth > 50) raise("maximum recursion depth exceeded while printing an object");
      return value.as_object().repr();
    }
    default:
      return to_repr(value);
  }
}

std::string to_repr(const Value& value) {
  Printer printer;
  printer.put_value(value);
  Budget::spend_bytes(printer.out.size());
  return std::move(printer.out);
}

}  // namespace mpq::text::jinja
