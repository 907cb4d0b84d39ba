// Checked conversions to what files store.
#include "mpq/format/exact.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {
namespace {
constexpr int kMantissaBits = 23;  // of float32
constexpr int kNotANumber = 255;
}  // namespace

at::Tensor exactly(const at::Tensor& value, at::ScalarType dtype, const std::string& where) {
  at::Tensor stored = value.to(dtype).contiguous();
  require(stored.to(value.scalar_type()).equal(value), ErrorCode::Internal,
          "{}: a value is not representable in {}; quantize again for this dtype", where,
          at::toString(dtype));
  return stored;
}

at::Tensor exponent_codes(const at::Tensor& powers, const std::string& where) {
  const at::Tensor bits = powers.to(at::kFloat).contiguous().view(at::kInt);
  at::Tensor codes = bits.bitwise_right_shift(kMantissaBits).to(at::kByte);  // 2^-127 gives 0
  require(powers_of_two(codes).equal(powers), ErrorCode::Internal,
          "{}: a scale is not a power of two; quantize again for this encoding", where);
  return codes;
}

at::Tensor powers_of_two(const at::Tensor& codes) {
  const at::Tensor exponents = codes.to(at::kInt);
  at::Tensor bits = exponents.bitwise_left_shift(kMantissaBits);
  bits.masked_fill_(exponents.eq(0), 1 << (kMantissaBits - 1));  // subnormal
  at::Tensor powers = bits.view(at::kFloat);
  return powers.masked_fill_(exponents.eq(kNotANumber), std::numeric_limits<float>::quiet_NaN());
}

void require_finite(const at::Tensor& value, const std::string& tensor) {
  require(at::isfinite(value.to(at::kFloat)).all().item<bool>(), ErrorCode::Format,
          "{}: a number is not finite; the file is damaged", tensor);
}

void require_middle(const at::Tensor& zero, int bits, const std::string& where) {
  require(!zero.defined() || zero.eq(1 << (bits - 1)).all().item<bool>(), ErrorCode::Internal,
          "{}: a symmetric linear has a zero point off the middle", where);
}

}  // namespace mpq
