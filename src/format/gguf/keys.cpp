// Values in the types that llama.cpp reads.
#include "keys.h"

#include "mpq/core/error.h"

namespace mpq {

void GgufKeys::add(const char* key, GgufValue value) {
  result.push_back({architecture_ + "." + key, std::move(value)});
}

void GgufKeys::whole(const char* key, int64_t value) {
  require(value >= 0 && value <= UINT32_MAX, ErrorCode::Format, "{}: GGUF's \"{}\" cannot hold {}",
          where_, key, value);
  add(key, static_cast<uint32_t>(value));
}

void GgufKeys::real(const char* key, double value) { add(key, static_cast<float>(value)); }

void GgufKeys::text(const char* key, const std::string& value) { add(key, value); }

void GgufKeys::flags(const char* key, const std::vector<bool>& values) {
  add(key, GgufArray(values));
}

}  // namespace mpq
