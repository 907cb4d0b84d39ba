// The table of types (ggml.h), and the bytes of a tensor.
#include "mpq/io/gguf_type.h"

#include <algorithm>
#include <array>

namespace mpq {
namespace {

// Q8_1 and Q8_K are left out: no file holds them.
constexpr auto kTypes = std::to_array<GgufType>({
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},   {14, "Q6_K", 256, 210},
    {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},
    {25, "I16", 1, 2},        {26, "I32", 1, 4},        {27, "I64", 1, 8},
    {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},   {30, "BF16", 1, 2},
    {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},    {41, "Q1_0", 128, 18},    {42, "Q2_0", 64, 18},
});

template <class Predicate>
const GgufType* find(Predicate predicate) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), predicate);
  return found == kTypes.end() ? nullptr : &*found;
}

}  // namespace

std::span<const GgufType> gguf_types() { return kTypes; }

const GgufType* find_gguf_type(uint32_t id) {
  return find([id](const GgufType& type) { return type.id == id; });
}

const GgufType* find_gguf_type(std::string_view name) {
  return find([name](const GgufType& type) { return type.name == name; });
}

int64_t gguf_tensor_bytes(const GgufType& type, std::span<const int64_t> dims) {
  const int64_t row = dims.empty() ? 1 : dims[0];
  if (row < 0 || row % type.block_elements != 0) return -1;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(row / type.block_elements, type.block_bytes, &bytes)) return -1;
  int64_t elements = row;  // a type below 8 bits holds more of them than bytes
  for (size_t i = 1; i < dims.size(); ++i) {
    if (dims[i] < 0 || __builtin_mul_overflow(bytes, dims[i], &bytes) ||
        __builtin_mul_overflow(elements, dims[i], &elements)) {
      return -1;
    }
  }
  return bytes;
}

}  // namespace mpq
