#pragma once
// What must hold for any bytes given as a safetensors file; for the fuzzer and the mutation test.
#include <string_view>

namespace mpq {

/// Whether the bytes are a valid file. Reads all that a valid one offers; throws std::logic_error
/// when the reader breaks a promise. mpq::Error never leaves it.
bool check_safetensors_bytes(std::string_view bytes);

}  // namespace mpq
