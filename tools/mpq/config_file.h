#pragma once
// --config FILE.json: the same names as on the command line, which wins.
#include <string>
#include <vector>

#include "app.h"

namespace mpq::cli {

/// Replaces `--config FILE` by the options the file holds and the command line does not. A name
/// that this subcommand does not know is skipped when another one does (one file serves all
/// stages), else Error(Usage).
std::vector<std::string> expand_config(const CLI::App& cli, std::vector<std::string> arguments);

}  // namespace mpq::cli
