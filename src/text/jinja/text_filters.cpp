// Filters that make text.
#include <algorithm>

#include "bound_arguments.h"
#include "budget.h"
#include "dict.h"
#include "filters.h"
#include "layout_filters.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

// markupsafe.soft_str: text stays as it is.
Value soft_text(const Value& value) {
  return value.is_text() ? value : Value::text(to_text(value));
}

Value call_method(const Value& value, const char* name, const Arguments& arguments) {
  return own_attribute(value, name)->as_object().call(arguments);
}

template <std::string (*function)(std::string_view)>
Value changed(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "filter", {});
  const Value text = soft_text(subject);
  return Value::text(function(text.as_text()), text.is_markup());
}

Value trim(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "trim", {"chars"});
  const Value text = soft_text(subject);
  return Value::text(stripped(text.as_text(), bound.optional_text(0), true, true),
                     text.is_markup());
}

// Upper at the beginning and behind white space and ( { [ < -, lower otherwise.
std::string titled(std::string_view text) {
  const std::u32string points = code_points(text);
  const auto is_break = [](char32_t c) {
    return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  std::string out;
  for (size_t at = 0; at < points.size();) {
    size_t end = at + 1;
    while (end < points.size() && is_break(points[end]) == is_break(points[at])) ++end;
    const auto word = std::u32string_view(points).substr(at, end - at);
    out += to_upper(utf8_of(word.substr(0, 1))) + to_lower(utf8_of(word.substr(1)));
    at = end;
  }
  return out;
}

Value replace(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "replace", {"old", "new", "count"}, 2);
  const int64_t limit = bound.has(2) && !bound[2].is_none() ? bound.integer(2, -1) : -1;
  return Value::text(replaced(to_text(subject), to_text(bound[0]), to_text(bound[1]), limit));
}

Value format(const Value& subject, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    raise("can't handle positional and keyword arguments at the same time");
  }
  if (arguments.named.empty()) {
    return percent_format(soft_text(subject), Value::tuple(arguments.positional));
  }
  Dict named;
  for (const auto& [name, value] : arguments.named) named.set(Value::text(name), value);
  return percent_format(soft_text(subject), Value::dict(std::move(named)));
}

Value center(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "center", {"width"});
  return call_method(soft_text(subject), "center", {{bound.value_or(0, Value::integer(80))}, {}});
}

Value string(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "string", {});
  return soft_text(subject);
}

Value safe(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "safe", {});
  return Value::text(to_text(subject), true);
}

Value escape(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "escape", {});
  if (subject.is_markup()) return subject;
  return Value::text(html_escaped(to_text(subject)), true);
}

Value force_escape(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "forceescape", {});
  return Value::text(html_escaped(to_text(subject)), true);
}

// The sign of what a JSON separator may be: a pair of texts.
std::string separator(const Value& pair, size_t index) {
  const auto items = items_of(pair);
  if (items.size() != 2) raise("separators must be a pair of str");
  return require_text(items[index]);
}

Value tojson(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "tojson",
                             {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = bound.truth(0, false);
  style.sort_keys = bound.truth(3, false);
  if (const Value indent = bound.value_or(1, Value::none()); indent.is_text()) {
    style.indent = indent.as_text();
  } else if (!indent.is_none()) {
    const int64_t width = std::max<int64_t>(require_integer(indent), 0);
    require_text_size(static_cast<size_t>(width));
    style.indent = std::string(static_cast<size_t>(width), ' ');
  }
  if (style.indent) style.item_separator = ",";
  if (const Value pair = bound.value_or(2, Value::none()); !pair.is_none()) {
    style.item_separator = separator(pair, 0);
    style.key_separator = separator(pair, 1);
  }
  return Value::text(to_json(subject, style));
}

std::string quoted_url(const Value& value, bool in_query) {
  std::string out;
  for (const char c : to_text(value)) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') ||
                          std::string_view("_.-~").find(c) != std::string_view::npos;
    if (is_plain || (c == '/' && !in_query)) {
      out += c;
    } else if (c == ' ' && in_query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Value urlencode(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "urlencode", {});
  if (subject.is_text() || !try_iterate(subject)) return Value::text(quoted_url(subject, false));
  std::string out;
  const auto put = [&](const Value& key, const Value& value) {
    out += (out.empty() ? "" : "&") + quoted_url(key, true) + "=" + quoted_url(value, true);
  };
  if (subject.is(Kind::Dict)) {
    for (const auto& [key, value] : subject.as_dict().entries()) put(key, value);
    return Value::text(std::move(out));
  }
  for (const Value& pair : items_of(subject)) {
    const auto items = items_of(pair);
    if (items.size() != 2) raise("urlencode expects pairs, found {} items", items.size());
    put(items[0], items[1]);
  }
  return Value::text(std::move(out));
}

Value word_count(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "wordcount", {});
  int64_t count = 0;
  bool inside = false;
  for (const char32_t c : code_points(to_text(subject))) {
    const bool is_word = is_alnum(c) || c == '_';
    count += is_word && !inside;
    inside = is_word;
  }
  return Value::integer(count);
}

Value refused(const Value& subject, const Arguments& arguments) {
  fail(ErrorCode::Unsupported,
       "the filters pprint, random, striptags, urlize, wordwrap and xmlattr are not supported");
}

}  // namespace

const Filters& text_filters() {
  static const Filters filters = {{"capitalize", changed<to_capitalized>},
                                  {"center", center},
                                  {"e", escape},
                                  {"escape", escape},
                                  {"forceescape", force_escape},
                                  {"format", format},
                                  {"indent", indent_text},
                                  {"lower", changed<to_lower>},
                                  {"pprint", refused},
                                  {"random", refused},
                                  {"replace", replace},
                                  {"safe", safe},
                                  {"string", string},
                                  {"striptags", refused},
                                  {"title", changed<titled>},
                                  {"tojson", tojson},
                                  {"trim", trim},
                                  {"truncate", truncate_text},
                                  {"upper", changed<to_upper>},
                                  {"urlencode", urlencode},
                                  {"urlize", refused},
                                  {"wordcount", word_count},
                                  {"wordwrap", refused},
                                  {"xmlattr", refused}};
  return filters;
}

}  // namespace mpq::text::jinja
