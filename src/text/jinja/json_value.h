#pragma once
// Values from JSON.
#include "mpq/core/json_file.h"
#include "value.h"

namespace mpq::text::jinja {

/// Throws Error(Unsupported) for an integer beyond 64 bits, or too deep a nesting. `level`: how
/// deep this one is.
Value value_of(const Json& json, int level = 0);

}  // namespace mpq::text::jinja
