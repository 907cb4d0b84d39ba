#pragma once
// The methods of str that look for something between two places.
#include "methods.h"

namespace mpq::text::jinja {

Value count_in_text(const Value& self, const Arguments& arguments);
Value starts_with(const Value& self, const Arguments& arguments);
Value ends_with(const Value& self, const Arguments& arguments);
/// find, rfind, index and rindex; `must`: not found is an error rather than -1.
template <bool from_right, bool must>
Value find_in_text(const Value& self, const Arguments& arguments);

}  // namespace mpq::text::jinja
