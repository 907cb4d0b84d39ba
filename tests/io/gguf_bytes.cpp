// Lays the fields of a GGUF file out.
#include "tests/io/gguf_bytes.h"

namespace mpq {
namespace {

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void put_text(std::string& out, const std::string& text) {
  put<uint64_t>(out, text.size());
  out += text;
}

}  // namespace

std::string gguf_bytes(const GgufFields& fields) {
  std::string out = fields.magic;
  put(out, fields.version);
  put(out, fields.tensors);
  put(out, fields.entries);
  put(out, fields.key_size);
  out += "a.key";
  put(out, fields.value_type);
  put(out, fields.element_type);
  put(out, fields.elements);
  put<int32_t>(out, -1);
  put<int32_t>(out, 7);
  put_text(out, fields.second_key);
  put(out, fields.second_type);
  put(out, fields.alignment);
  put_text(out, fields.first_name);
  put(out, fields.dims_count);
  put(out, fields.row);
  put(out, fields.rows);
  put(out, fields.type);
  put(out, fields.offset);
  put_text(out, fields.second_name);
  put<uint32_t>(out, 1);
  put<uint64_t>(out, 4);
  put<uint32_t>(out, 0);
  put(out, fields.second_offset);
  out.resize((out.size() + 31) / 32 * 32);
  for (size_t i = 0; i < fields.data; ++i) out += static_cast<char>(i);
  return out;
}

}  // namespace mpq
