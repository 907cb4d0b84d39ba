// SmoothQuant's scales against tools/golden/make_smoothquant.py; chains.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

TEST(SmoothQuant, ScalesEqualTheReference) {
  const GoldenCase golden("smoothquant", "cases");
  const QuantProblem problem = golden.problem();
  for (const auto& [alpha, name] : {std::pair{"0.5", "s_50"}, std::pair{"0.85", "s_85"}}) {
    const auto scale =
        make_quantizer(std::string("smoothquant:alpha=") + alpha)->input_scale(problem);
    EXPECT_TRUE(at::allclose(scale.to(at::kDouble), golden[name], 1e-5, 0)) << alpha;
  }
}

TEST(Chain, ScaleOfTheFirstCodesOfTheLast) {
  const GoldenCase golden("awq", "b3_asym");
  const QuantProblem problem = golden.problem();
  const auto chain = make_quantizer("smoothquant+gptq:alpha=0.4," + golden.scheme());
  const auto scale = chain->input_scale(problem);
  EXPECT_TRUE(scale.equal(make_quantizer("smoothquant:alpha=0.4")->input_scale(problem)));
  const auto chained = quantize_scaled(*chain, problem, scale);
  const auto alone = quantize_scaled(*make_quantizer("gptq:" + golden.scheme()), problem, scale);
  EXPECT_TRUE(chained.codes.equal(alone.codes));
  const auto rounded =
      quantize_scaled(*make_quantizer("smoothquant:" + golden.scheme()), problem, scale);
  EXPECT_LT(trace_error(problem, dequantize(chained)), trace_error(problem, dequantize(rounded)));
}

TEST(Chain, FaultsAreUsageErrors) {
  for (const char* spec : {"gptq+awq:bits=4", "awq+gptq:bogus=1", "awq+gptq+rtn", "awq+gptqq",
                           "smoothquant:alpha=2"}) {
    try {
      make_quantizer(spec);
      ADD_FAILURE() << spec;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage) << spec;
    }
  }
}

}  // namespace
}  // namespace mpq
