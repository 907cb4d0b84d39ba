#pragma once
// Filters and tests by name.
#include <map>
#include <string>

#include "object.h"
#include "value.h"

namespace mpq::text::jinja {

/// A test gives a bool.
using Filter = Value (*)(const Value& subject, const Arguments& arguments);
using Filters = std::map<std::string, Filter, std::less<>>;

/// Null when there is none.
Filter find_filter(const std::string& name);
Filter find_test(const std::string& name);

/// To add a filter: an entry of one of these tables, which filters.cpp joins.
const Filters& text_filters();
const Filters& number_filters();
const Filters& sequence_filters();
const Filters& selection_filters();
const Filters& order_filters();
const Filters& test_table();

/// x.a.b by the path "a.b", whose parts are items first; whole numbers are positions. A path that
/// is None is x itself.
class AttributePath {
 public:
  explicit AttributePath(const Value& path);
  Value of(const Value& value) const;
  /// An undefined part becomes `fallback`.
  Value of(const Value& value, const Value& fallback) const;

 private:
  std::vector<Value> parts_;
};

}  // namespace mpq::text::jinja
