#pragma once
// A file that a command is asked to write.
#include <string>
#include <string_view>

namespace mpq {

/// Call it before any work. Throws Error(Usage), naming --out, when a folder stands at `path`, or a
/// file that mpq did not make and `overwrite` is false: one without `mark`, which is in the first
/// MiB of all that mpq writes there. Empty files, devices and pipes may be written.
void require_output_file(const std::string& path, std::string_view mark, bool overwrite);

}  // namespace mpq
