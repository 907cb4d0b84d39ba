#pragma once
// Conversions that must not lose anything.
#include <ATen/core/Tensor.h>

#include <string>

namespace mpq {

/// `value` in `dtype`. Throws Error(Internal) naming `where` when a number of it has no such form.
at::Tensor exactly(const at::Tensor& value, at::ScalarType dtype, const std::string& where);
/// float32 powers of two to uint8, their exponent plus 127. Throws as exactly().
at::Tensor exponent_codes(const at::Tensor& powers, const std::string& where);
/// The inverse; code 255 (not a number) gives NaN.
at::Tensor powers_of_two(const at::Tensor& codes);
/// Throws Error(Format) naming `tensor` when a number that was read is infinite or not a number.
void require_finite(const at::Tensor& value, const std::string& tensor);
/// Throws Error(Internal) unless every zero point of a Zero::Middle grid is 2^(bits - 1).
void require_middle(const at::Tensor& zero, int bits, const std::string& where);

}  // namespace mpq
