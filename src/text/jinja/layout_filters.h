#pragma once
// The filters indent and truncate.
#include "object.h"

namespace mpq::text::jinja {

Value indent_text(const Value& subject, const Arguments& arguments);
Value truncate_text(const Value& subject, const Arguments& arguments);

}  // namespace mpq::text::jinja
