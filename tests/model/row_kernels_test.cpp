// Each kernel beside ATen's operations one after the other.
#include "mpq/model/row_kernels.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <limits>

namespace mpq {
namespace {

/// Rows that lie apart, of a width that no vector divides.
at::Tensor rows(at::ScalarType dtype, int64_t count = 37, int64_t width = 67) {
  return (at::randn({count, width + 5}) * 3).to(dtype).narrow(1, 2, width);
}

/// Equal up to the last bit of bfloat16, where a sum was rounded otherwise.
void expect_close(const at::Tensor& found, const at::Tensor& expected, at::ScalarType dtype) {
  ASSERT_EQ(found.scalar_type(), dtype);
  ASSERT_EQ(found.sizes(), expected.sizes());
  const double tolerance = dtype == at::kFloat ? 2e-6 : 1.0 / 128;
  EXPECT_TRUE(at::allclose(found.to(at::kDouble), expected.to(at::kDouble), tolerance, 1e-6));
  const double size = expected.abs().mean().item<double>();
  EXPECT_LE((found.to(at::kDouble) - expected).abs().mean().item<double>(),
            size * (dtype == at::kFloat ? 1e-6 : 1.0 / 256));
}

class RowKernels : public testing::Test {
 protected:
  RowKernels() { at::manual_seed(0); }
  const c10::NoGradGuard no_gradients_;
};

TEST_F(RowKernels, AreNotForGradients) {
  EXPECT_TRUE(takes_row_kernels(at::ones({2, 3}), at::kFloat));
  EXPECT_FALSE(takes_row_kernels(at::ones({2, 3}), at::kBFloat16));
  const c10::AutoGradMode gradients(true);
  EXPECT_FALSE(takes_row_kernels(at::ones({2, 3}), at::kFloat));
}

TEST_F(RowKernels, Norm) {
  const at::Tensor x = rows(at::kFloat), weight = at::randn({67});
  const at::Tensor wide = x.to(at::kDouble);
  for (const double plus : {0.0, 1.0}) {
    const at::Tensor expected =
        wide * at::rsqrt(wide.square().mean(-1, true) + 1e-5) * (weight + plus);
    for (const auto dtype : {at::kFloat, at::kBFloat16})
      expect_close(rms_normalised(x, weight, 1e-5, plus, dtype), expected, dtype);
  }
  EXPECT_EQ(rms_normalised(x.narrow(0, 0, 0), weight, 1e-5, 0, at::kFloat).size(0), 0);
}

TEST_F(RowKernels, Sums) {
  const at::Tensor stream = rows(at::kFloat), update = rows(at::kBFloat16);
  EXPECT_TRUE(added(stream, update, 1).equal(stream + update));
  expect_close(added(stream, update, 0.22), stream.to(at::kDouble) + update.to(at::kDouble) * 0.22,
               at::kFloat);
}

TEST_F(RowKernels, SiluOverAllMagnitudes) {
  for (const double scale : {1e-3, 1.0, 30.0, 1e4}) {
    const at::Tensor gate = (rows(at::kFloat) * scale).to(at::kBFloat16), up = rows(at::kBFloat16);
    expect_close(silu_product(gate, up), at::silu(gate.to(at::kDouble)) * up.to(at::kDouble),
                 at::kBFloat16);
  }
  const at::Tensor odd = at::tensor({std::numeric_limits<float>::quiet_NaN(),
                                     std::numeric_limits<float>::infinity(), -1e30F})
                             .to(at::kBFloat16)
                             .view({1, 3});
  const at::Tensor found = silu_product(odd, at::ones_like(odd)).to(at::kFloat);
  EXPECT_TRUE(at::isnan(found[0][0]).item<bool>());
  EXPECT_TRUE(at::isinf(found[0][1]).item<bool>());
  EXPECT_NEAR(found[0][2].item<float>(), 0, 1e-6);
}

TEST_F(RowKernels, DifferencesAreRoundedOnce) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor a = rows(dtype), b = rows(dtype);
    EXPECT_TRUE(difference(a, b).equal((a.to(at::kFloat) - b.to(at::kFloat)).to(at::kBFloat16)));
  }
}

TEST_F(RowKernels, Rotation) {
  const int64_t count = 3, length = 11, heads = 2, width = 22, dim = 16;
  const at::Tensor x = rows(at::kBFloat16, count * length, heads * width);
  const at::Tensor angles = at::randn({length, dim / 2}).repeat({1, 2});
  const at::Tensor cos = at::cos(angles), sin = at::sin(angles);
  const at::Tensor apart =
      x.reshape({count, length, heads, width}).transpose(1, 2).to(at::kDouble).contiguous();
  const at::Tensor first = apart.narrow(-1, 0, dim / 2),
                   second = apart.narrow(-1, dim / 2, dim / 2);
  const at::Tensor expected =
      at::cat({apart.narrow(-1, 0, dim) * cos + at::cat({-second, first}, -1) * sin,
               apart.narrow(-1, dim, width - dim)},
              -1);
  expect_close(rotated_heads(x, length, heads, cos, sin), expected, at::kBFloat16);
}

}  // namespace
}  // namespace mpq
