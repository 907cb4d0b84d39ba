// A user whose environment writes 1.234,5 gets the same tables, and types the same options.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/e2e/program.h"
#include "tests/support/german_numbers.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

/// What mpq prints with such a locale in its environment.
std::string printed_in(const char* locale, const std::vector<std::string>& arguments) {
  ::setenv("LC_ALL", locale, 1);
  const ProgramResult result = run_mpq(arguments);
  ::unsetenv("LC_ALL");
  EXPECT_EQ(result.status, 0) << locale << ": " << result.err;
  return result.out;
}

TEST(GermanEnvironment, ChangesNoTableNoHelpAndNoOption) {
  const GermanLocale locale;
  if (!locale.found())
    GTEST_SKIP() << "no German locale is installed, and localedef cannot make one";
  const TemporaryFolder folder;
  const std::string task = write_task(folder), work = folder.file("work");
  const std::string text = source_path("data/nano-llama/text/wiki.txt");
  const std::vector<std::vector<std::string>> commands{
      {"list"},
      {"calibrate", "--help"},
      {"calibrate", "--model", small_model(), "--task", task, "--holdout", "0.5", "--text-windows",
       "4", "--text-window-tokens", "64", "--work", work, "--quiet"},
      {"eval", "--model", small_model(), "--text", text, "--windows", "2", "--window", "64",
       "--work", work, "--quiet"}};
  for (const auto& arguments : commands) {
    const std::string expected = printed_in("C", arguments);
    std::filesystem::remove_all(work);  // all is done again
    EXPECT_FALSE(expected.empty()) << arguments.front();
    EXPECT_EQ(printed_in(GermanLocale::kName, arguments), expected);
  }
}

}  // namespace
}  // namespace mpq
