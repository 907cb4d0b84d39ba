#pragma once
// Numbers, names and sizes of ggml's types.
#include <cstdint>
#include <string>

namespace mpq {

struct GgmlType {
  uint32_t id = 0;
  std::string name;
  int columns = 1;  // of a block
  int bytes = 0;    // of a block
};

/// Throws Error(Unsupported) for an unknown one.
const GgmlType& ggml_type(uint32_t id);
const GgmlType& ggml_type(const std::string& name);

}  // namespace mpq
