// Checks of stdout.
#include "results.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <system_error>

#include "console.h"
#include "mpq/core/error.h"

namespace mpq::cli {
namespace {

int lost_reason = 0;  // errno of the first failure

bool reader_went_away() {
  pollfd state{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & POLLERR) != 0;
}

/// What a network file system says only when a file is closed.
int close_error() {
  const int copy = ::dup(STDOUT_FILENO);
  return copy >= 0 && ::close(copy) != 0 ? errno : 0;
}

}  // namespace

void hold_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // Read-only: results for a closed stdout are lost, and are said to be.
    const int file = ::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    if (file > stream) ::close(file);
  }
}

void print_results(const std::function<void()>& print) {
  try {
    print();
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) == 0) throw;
    lost_reason = error.code().value();
  }
}

int finish_results(int status) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 && lost_reason == 0) lost_reason = errno;
  if (std::ferror(stdout) != 0 && lost_reason == 0) lost_reason = EIO;
  if (lost_reason == 0) lost_reason = close_error();
  if (lost_reason == 0 || reader_went_away()) return status;
  say(fmt::format("error: stdout: the result could not be written: {}; name another place\n",
                  std::strerror(lost_reason)));
  return static_cast<int>(ErrorCode::Io);
}

}  // namespace mpq::cli
