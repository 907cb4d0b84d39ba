// ggml's types under mpq's names, and what encodings they are.
#include "types.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <vector>

#include "layout.h"
#include "mpq/core/error.h"
#include "mpq/format/gguf_blocks.h"
#include "mpq/io/gguf_type.h"

namespace mpq {
namespace {

/// The container's table under the names of encodings.
const std::vector<GgmlType>& types() {
  static const std::vector<GgmlType> kTypes = [] {
    std::vector<GgmlType> types;
    for (const GgufType& type : gguf_types()) {
      types.push_back({type.id, std::string(type.name), static_cast<int>(type.block_elements),
                       static_cast<int>(type.block_bytes)});
      for (char& c : types.back().name)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return types;
  }();
  return kTypes;
}

template <class Predicate>
const GgmlType* find(const Predicate& predicate) {
  const auto found = std::find_if(types().begin(), types().end(), predicate);
  return found == types().end() ? nullptr : &*found;
}

}  // namespace

const GgmlType& ggml_type(uint32_t id) {
  const GgmlType* found = find([&](const GgmlType& type) { return type.id == id; });
  require(found != nullptr, ErrorCode::Unsupported,
          "ggml type {}: mpq does not know it; it may be newer than this mpq", id);
  return *found;
}

const GgmlType& ggml_type(const std::string& name) {
  const GgmlType* found = find([&](const GgmlType& type) { return type.name == name; });
  require(found != nullptr, ErrorCode::Unsupported, "{}: GGUF has no such type", name);
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
