#pragma once
// Golden files and folders of the text tests.
#include <string>

#include "mpq/core/json_file.h"

namespace mpq {

/// tests/golden/text/NAME.
std::string text_golden(const std::string& name);
Json read_golden(const std::string& name);
/// A fresh folder of this test with the given files.
std::string scratch_folder();
void write_scratch(const std::string& folder, const std::string& name, const std::string& content);

}  // namespace mpq
