#pragma once
// Prompts as the model reads them, printed for people.
#include "mpq/core/json_file.h"

namespace mpq::cli {

/// Prints what show_input() returned; special tokens stand out on a terminal.
void print_shown_input(const Json& prompts);

}  // namespace mpq::cli
