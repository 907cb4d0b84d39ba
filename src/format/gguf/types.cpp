// The table of ggml's types, and what encodings they are.
#include "types.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "layout.h"
#include "mpq/core/error.h"
#include "mpq/format/gguf_blocks.h"

namespace mpq {
namespace {

// enum ggml_type, and sizeof of the blocks in ggml-common.h (ggml 0.25.3).
const std::vector<GgmlType> kTypes = {
    {0, "f32", 1, 4},         {1, "f16", 1, 2},         {2, "q4_0", 32, 18},
    {3, "q4_1", 32, 20},      {6, "q5_0", 32, 22},      {7, "q5_1", 32, 24},
    {8, "q8_0", 32, 34},      {9, "q8_1", 32, 36},      {10, "q2_k", 256, 84},
    {11, "q3_k", 256, 110},   {12, "q4_k", 256, 144},   {13, "q5_k", 256, 176},
    {14, "q6_k", 256, 210},   {15, "q8_k", 256, 292},   {16, "iq2_xxs", 256, 66},
    {17, "iq2_xs", 256, 74},  {18, "iq3_xxs", 256, 98}, {19, "iq1_s", 256, 50},
    {20, "iq4_nl", 32, 18},   {21, "iq3_s", 256, 110},  {22, "iq2_s", 256, 82},
    {23, "iq4_xs", 256, 136}, {24, "i8", 1, 1},         {25, "i16", 1, 2},
    {26, "i32", 1, 4},        {27, "i64", 1, 8},        {28, "f64", 1, 8},
    {29, "iq1_m", 256, 56},   {30, "bf16", 1, 2},       {34, "tq1_0", 256, 54},
    {35, "tq2_0", 256, 66},   {39, "mxfp4", 32, 17},    {40, "nvfp4", 64, 36},
    {41, "q1_0", 128, 18},    {42, "q2_0", 64, 18}};

}  // namespace

const GgmlType& ggml_type(uint32_t id) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const GgmlType& type) { return type.id == id; });
  require(found != kTypes.end(), ErrorCode::Unsupported,
          "ggml type {}: mpq does not know it; it may be newer than this mpq", id);
  return *found;
}

const GgmlType& ggml_type(const std::string& name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const GgmlType& type) { return type.name == name; });
  require(found != kTypes.end(), ErrorCode::Unsupported, "{}: GGUF has no such type", name);
  return *found;
}

std::string gguf_type_name(uint32_t type) { return ggml_type(type).name; }

std::optional<Encoding> gguf_encoding(uint32_t type) {
  const std::string name = gguf_type_name(type);
  if (name == "f32" || name == "f16" || name == "bf16") return full_precision();
  for (const auto& [known, encoding] : named_encodings()) {
    if (known == name) return encoding;
  }
  return std::nullopt;
}

uint32_t gguf_type(const Encoding& encoding) {
  require(!encoding.plain(), ErrorCode::Internal, "gguf_type: plain numbers go by their dtype");
  return ggml_type(to_string(encoding)).id;
}

uint32_t gguf_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return ggml_type("f32").id;
    case at::kHalf:
      return ggml_type("f16").id;
    case at::kBFloat16:
      return ggml_type("bf16").id;
    default:
      fail(ErrorCode::Unsupported, "{}: mpq writes no such numbers to GGUF", c10::toString(dtype));
  }
}

int64_t gguf_block_columns(uint32_t type) { return ggml_type(type).columns; }

int64_t gguf_row_bytes(uint32_t type, int64_t columns) {
  const GgmlType& known = ggml_type(type);
  require(columns > 0 && columns % known.columns == 0, ErrorCode::Format,
          "{}: expected rows of whole blocks of {}, found {} columns", known.name, known.columns,
          columns);
  const int64_t blocks = columns / known.columns;
  require(blocks <= std::numeric_limits<int64_t>::max() / known.bytes, ErrorCode::Format,
          "{}: a row of {} columns is longer than any file", known.name, columns);
  return blocks * known.bytes;
}

int64_t gguf_row_bytes(const Encoding& encoding, int64_t columns) {
  return gguf_row_bytes(encoding.plain() ? gguf_type(at::kHalf) : gguf_type(encoding), columns);
}

}  // namespace mpq
