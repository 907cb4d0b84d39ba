// Golden files and scratch folders.
#include "golden.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/source_path.h"

namespace mpq {

std::string text_golden(const std::string& name) {
  return source_path("tests/golden/text/" + name);
}

Json read_golden(const std::string& name) {
  // The files hold vocabularies: ordered_json would search them linearly while parsing.
  return Json(nlohmann::json::parse(read_text_file(text_golden(name))));
}

std::string scratch_folder() {
  std::string pattern = testing::TempDir() + "mpq-text-XXXXXX";
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no scratch folder: " + pattern);
  return pattern;
}

void write_scratch(const std::string& folder, const std::string& name, const std::string& content) {
  write_text_file(folder + "/" + name, content);
}

}  // namespace mpq
