#pragma once
// The one exception of mpq: a message for a person and a code that is the process's exit status.
#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace mpq {

/// Exit status of the process (docs: cli.md). A Gate is a comparison that did not hold.
enum class ErrorCode {
  Internal = 1,
  Usage = 2,
  Io = 3,
  Format = 4,
  Unsupported = 5,
  Numeric = 6,
  Gate = 7,
  Interrupted = 130
};

/// Thrown by every part of the library. The message is one line: where, expected, found, what to
/// do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }
  int exit_status() const { return static_cast<int>(code_); }

 private:
  ErrorCode code_;
};

/// Throws Error(code, fmt::format(format, args...)).
template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws unless `ok`; the arguments are evaluated always, so keep them cheap.
template <class... Args>
void require(bool ok, ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace mpq
