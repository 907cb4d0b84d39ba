// HQQ's zero points against tools/golden/make_hqq.py.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

class HqqGolden : public testing::TestWithParam<std::string> {
 protected:
  static double mean_error(const at::Tensor& weight, const QuantizedLinear& linear) {
    return (weight - dequantize(linear)).abs().to(at::kDouble).mean().item<double>();
  }
};

TEST_P(HqqGolden, ZeroPointsCodesAndErrorAsPublished) {
  const GoldenCase golden("hqq", GetParam());
  const auto weight = golden["W"];
  const auto result =
      quantized("hqq:zero=real," + golden.encoding(), {.name = "w", .weight = weight});
  validate(result, GetParam());
  EXPECT_TRUE(at::allclose(result.grid.scale, golden["scale"], 1e-6, 0));
  EXPECT_TRUE(at::allclose(result.grid.zero.to(at::kDouble), golden["zero_best"], 1e-5, 1e-5));
  EXPECT_TRUE(result.codes.equal(golden["codes_best"]));
  const double best = golden.meta.at("best_error");
  EXPECT_NEAR(mean_error(weight, result), best, 1e-5 * best);
}

TEST_P(HqqGolden, WholeZeroPointsAreNotWorseThanRounding) {
  const GoldenCase golden("hqq", GetParam());
  const auto weight = golden["W"];
  const auto result = quantized("hqq:" + golden.encoding(), {.name = "w", .weight = weight});
  validate(result, GetParam());
  EXPECT_LE(mean_error(weight, result), golden.meta.at("rtn_error").get<double>() * (1 + 1e-6));
}

INSTANTIATE_TEST_SUITE_P(Cases, HqqGolden, testing::ValuesIn(golden_names("hqq")),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace mpq
