// Threads that wait for one another sleep soon: libgomp's spin for long by default, which takes
// most of the machine as soon as anything else runs on it. It reads its settings when it is loaded,
// before main: so the program starts itself once more with them, before any library has begun.
#include <unistd.h>

#include <cstring>

namespace {

constexpr const char* kSpins = "GOMP_SPINCOUNT=10000";  // some ten microseconds
constexpr size_t kMost = 4096;

void shorten_waits(int, char** arguments, char** environment) {
  static char program[kMost];
  static char* extended[kMost];
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    const char* entry = environment[count];
    const bool chosen = std::strncmp(entry, "GOMP_SPINCOUNT=", 15) == 0 ||
                        std::strncmp(entry, "OMP_WAIT_POLICY=", 16) == 0;
    if (chosen || count + 2 >= kMost) return;
    extended[count] = environment[count];
  }
  const ssize_t length = ::readlink("/proc/self/exe", program, kMost - 1);
  if (length <= 0) return;
  extended[count] = const_cast<char*>(kSpins);
  ::execve(program, arguments, extended);  // where that fails, waits stay long
}

}  // namespace

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
__attribute__((section(".preinit_array"),
               used)) static void (*const kShortenWaits)(int, char**, char**) = shorten_waits;
#endif
