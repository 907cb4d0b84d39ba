// libFuzzer target for safetensors files; not part of the build (link it with -fsanitize=fuzzer,
// tests/io/safetensors_bytes.cpp and the modules core and io).
#include <cstddef>
#include <cstdint>

#include "tests/io/safetensors_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mpq::check_safetensors_bytes({reinterpret_cast<const char*>(data), size});
  return 0;
}
