#pragma once
// Numbers as somebody's locale has them: 1.234,5.
#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

#include "tests/support/temporary_folder.h"

namespace mpq {

/// While it lives, setlocale() finds "de_DE.UTF-8": compiled here where it is not installed.
class GermanLocale {
 public:
  static constexpr const char* kName = "de_DE.UTF-8";

  GermanLocale() : found_(finds()) {
    if (found_) return;
    const std::string command =
        "localedef --no-archive -i de_DE -f UTF-8 '" + place_.file(kName) + "' >/dev/null 2>&1";
    compiled_ =
        std::system(command.c_str()) >= 0 && ::setenv("LOCPATH", place_.path().c_str(), 1) == 0;
    found_ = finds();
  }
  ~GermanLocale() {
    if (compiled_) ::unsetenv("LOCPATH");
  }
  GermanLocale(const GermanLocale&) = delete;
  GermanLocale& operator=(const GermanLocale&) = delete;

  /// False where there is neither the locale nor what makes it.
  bool found() const { return found_; }

 private:
  static bool finds() {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    const bool found = std::setlocale(LC_ALL, kName) != nullptr;
    std::setlocale(LC_ALL, before.c_str());
    return found;
  }

  TemporaryFolder place_;
  bool compiled_ = false;
  bool found_;
};

/// While it lives, C++'s streams write and read German numbers, and C's functions too if asked and
/// GermanLocale::found().
class GermanNumbers {
 public:
  explicit GermanNumbers(bool in_c)
      : streams_(std::locale::global(std::locale(std::locale::classic(), new Punctuation))),
        c_(std::setlocale(LC_ALL, nullptr)) {
    if (in_c) std::setlocale(LC_ALL, GermanLocale::kName);
  }
  ~GermanNumbers() {
    std::setlocale(LC_ALL, c_.c_str());
    std::locale::global(streams_);
  }
  GermanNumbers(const GermanNumbers&) = delete;
  GermanNumbers& operator=(const GermanNumbers&) = delete;

 private:
  struct Punctuation final : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  std::locale streams_;
  std::string c_;
};

}  // namespace mpq
