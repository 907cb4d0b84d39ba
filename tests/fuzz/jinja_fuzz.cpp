// libFuzzer target for chat templates; not part of the build (link it with -fsanitize=fuzzer,
// tests/text/{jinja_bytes,golden}.cpp and the modules core and text).
#include <cstddef>
#include <cstdint>

#include "tests/text/jinja_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mpq::check_template_bytes({reinterpret_cast<const char*>(data), size});
  return 0;
}
