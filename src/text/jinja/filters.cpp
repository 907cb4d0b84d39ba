// Finding filters and tests, and the paths of attributes that many of them take.
#include "filters.h"

#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {

Filter find_filter(const std::string& name) {
  for (const Filters* table : {&text_filters(), &number_filters(), &sequence_filters(),
                               &selection_filters(), &order_filters()}) {
    if (const auto found = table->find(name); found != table->end()) return found->second;
  }
  return nullptr;
}

Filter find_test(const std::string& name) {
  const auto found = test_table().find(name);
  return found == test_table().end() ? nullptr : found->second;
}

AttributePath::AttributePath(const Value& path) {
  if (path.is_none()) return;
  if (!path.is_text()) {
    parts_.push_back(path);
    return;
  }
  for (const std::string& part : split_text(path.as_text(), ".", -1, false)) {
    const bool is_number =
        !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    const auto position = is_number ? parse_integer(part, 10) : std::nullopt;
    parts_.push_back(position ? Value::integer(*position) : Value::text(part));
  }
}

Value AttributePath::of(const Value& value) const { return of(value, Value::none()); }

Value AttributePath::of(const Value& value, const Value& fallback) const {
  Value found = value;
  for (const Value& part : parts_) {
    found = get_item(found, part);
    if (found.is_undefined() && !fallback.is_none()) found = fallback;
  }
  return found;
}

}  // namespace mpq::text::jinja
