#pragma once
// The table that run and report end with.
#include "mpq/core/json_file.h"

namespace mpq::cli {

/// A row for full precision, the best uniform plan and the chosen one, and where the page is.
void show_comparison(const Json& result);

}  // namespace mpq::cli
