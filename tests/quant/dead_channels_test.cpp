// Inputs that are always 0 or nearly so, and weights that are 0: the factors of transforms stay
// positive and finite, and what is quantized with them too.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

/// AWQ's golden case with two dead inputs, one of 1e-8 of its size, weights that are 0 for another
/// input, and a group of one row that is 0.
QuantProblem dead_channel_problem(const GoldenCase& golden) {
  QuantProblem problem = golden.problem();
  at::Tensor factor = at::ones({problem.weight.size(1)}, at::kFloat);
  factor[3] = factor[40] = 0;
  factor[5] = 1e-8;
  problem.hessian = std::make_shared<Hessian>(problem.hessian->matrix() * factor.unsqueeze(0) *
                                              factor.unsqueeze(1));
  problem.mean_abs = problem.mean_abs * factor;
  problem.max_abs = problem.max_abs * factor;
  problem.weight = problem.weight.clone();
  problem.weight.select(1, 7).zero_();
  problem.weight[0].narrow(0, 0, golden.meta.at("group").get<int>()).zero_();
  return problem;
}

class DeadChannels : public testing::TestWithParam<std::string> {};

TEST_P(DeadChannels, HavePositiveFiniteFactors) {
  const GoldenCase golden("awq", "b3_asym");
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const Method method = make_method(GetParam() + golden.encoding());
    const QuantProblem problem = problem_for(method, dead_channel_problem(golden), dtype);
    const auto scale = method.quantizer->input_scale(problem);
    ASSERT_TRUE(scale.defined()) << dtype;  // the other channels still want to be scaled
    EXPECT_TRUE(at::isfinite(scale).all().item<bool>()) << dtype;
    EXPECT_TRUE(scale.gt(0).all().item<bool>()) << dtype;
    const auto linear = quantize_scaled(*method.quantizer, problem, scale);
    const auto value = dequantize(linear);
    EXPECT_TRUE(at::isfinite(value).all().item<bool>()) << dtype;
    const auto rounded = quantized("rtn:" + golden.encoding(), dead_channel_problem(golden), dtype);
    EXPECT_LT(trace_error(problem, value), trace_error(problem, dequantize(rounded))) << dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, DeadChannels,
                         testing::Values("smoothquant:", "smoothquant+gptq:", "awq:", "awq+gptq:"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return c == ':' || c == '+'; });
                           return name;
                         });

}  // namespace
}  // namespace mpq
