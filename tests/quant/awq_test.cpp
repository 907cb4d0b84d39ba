// AWQ against the numpy reference of tools/golden/make_awq.py.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

class AwqGolden : public testing::TestWithParam<std::string> {};

TEST_P(AwqGolden, ChoosesTheExponentAndTheClipping) {
  const GoldenCase golden("awq", GetParam());
  const Method method = make_method("awq:" + golden.encoding());
  const QuantProblem problem = problem_for(method, golden.problem());
  const at::Tensor scale = method.quantizer->input_scale(problem);
  if (golden.meta.at("best") == 0) {
    EXPECT_FALSE(scale.defined());
  } else {
    ASSERT_TRUE(scale.defined());
    EXPECT_TRUE(at::allclose(scale.to(at::kDouble), golden["s"], 1e-5, 0));
  }
  const QuantizedLinear result = quantize_scaled(*method.quantizer, problem, scale);
  EXPECT_TRUE(result.codes.equal(golden["codes"]));
  EXPECT_TRUE(at::allclose(result.grid.scale, golden["scale"], 1e-5, 0));
  EXPECT_TRUE(result.grid.zero.to(at::kInt).equal(golden["zero"]));
  const double size = static_cast<double>(problem.weight.size(0));
  const double error = trace_error(problem, dequantize(result)) / 2 / size;
  EXPECT_NEAR(error, golden.meta.at("error"), 1e-3 * golden.meta.at("error").get<double>());
  EXPECT_LT(error, golden.meta.at("rtn_error").get<double>() * 1.0001);
}

INSTANTIATE_TEST_SUITE_P(Cases, AwqGolden, testing::ValuesIn(golden_names("awq")),
                         [](const auto& info) { return info.param; });

TEST(Awq, ClippingLowersTheError) {
  const GoldenCase golden("awq", "b3_asym");
  const QuantProblem problem = golden.problem();
  const auto error = [&](const std::string& spec) {
    return trace_error(problem, dequantize(quantized(spec, problem)));
  };
  EXPECT_LT(error("awq:" + golden.encoding()), error("awq:clip=false," + golden.encoding()));
}

}  // namespace
}  // namespace mpq
