#pragma once
// The JSON header of a safetensors file, checked in full.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "mpq/io/safetensors.h"

namespace mpq {

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
};

/// `text` is the header without its length, `data_bytes` what follows it in the file; `path` is for
/// messages. Throws Error(Format).
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                           const std::string& path);

}  // namespace mpq
