// The table of element types.
#include "dtype_names.h"

#include <array>
#include <utility>

#include "mpq/core/error.h"

namespace mpq {
namespace {

const std::array<std::pair<const char*, at::ScalarType>, 13> kNames = {
    {{"F64", at::kDouble},
     {"F32", at::kFloat},
     {"F16", at::kHalf},
     {"BF16", at::kBFloat16},
     {"I64", at::kLong},
     {"I32", at::kInt},
     {"U32", at::kUInt32},
     {"I16", at::kShort},
     {"I8", at::kChar},
     {"U8", at::kByte},
     {"BOOL", at::kBool},
     {"F8_E4M3", at::kFloat8_e4m3fn},
     {"F8_E5M2", at::kFloat8_e5m2}}};

}  // namespace

std::optional<at::ScalarType> dtype_from_name(const std::string& name) {
  for (const auto& [known, dtype] : kNames) {
    if (name == known) return dtype;
  }
  return std::nullopt;
}

std::string dtype_names() {
  std::string names;
  for (const auto& [name, dtype] : kNames) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

std::string dtype_name(at::ScalarType dtype) {
  for (const auto& [name, known] : kNames) {
    if (known == dtype) return name;
  }
  fail(ErrorCode::Internal, "safetensors has no name for dtype {}", at::toString(dtype));
}

}  // namespace mpq
