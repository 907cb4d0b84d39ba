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
        make_method(std::string("smoothquant:alpha=") + alpha).quantizer->input_scale(problem);
    EXPECT_TRUE(at::allclose(scale.to(at::kDouble), golden[name], 1e-5, 0)) << alpha;
  }
}

TEST(Chain, ScaleOfTheFirstCodesOfTheLast) {
  const GoldenCase golden("awq", "b3_asym");
  const Method chain = make_method("smoothquant+gptq:alpha=0.4," + golden.encoding());
  const QuantProblem problem = problem_for(chain, golden.problem());
  const auto scale = chain.quantizer->input_scale(problem);
  const auto alone = [&](const std::string& spec) {
    return quantize_scaled(*make_method(spec).quantizer, problem, scale);
  };
  EXPECT_TRUE(scale.equal(make_method("smoothquant:alpha=0.4").quantizer->input_scale(problem)));
  const auto chained = quantize_scaled(*chain.quantizer, problem, scale);
  EXPECT_TRUE(chained.codes.equal(alone("gptq").codes));
  EXPECT_LT(trace_error(problem, dequantize(chained)),
            trace_error(problem, dequantize(alone("smoothquant"))));
}

TEST(Chain, FaultsAreUsageErrors) {
  for (const char* spec : {"gptq+awq:bits=4", "awq+gptq:bogus=1", "awq+gptq+rtn", "awq+gptqq",
                           "smoothquant:alpha=2"}) {
    try {
      make_method(spec);
      ADD_FAILURE() << spec;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage) << spec;
    }
  }
}

}  // namespace
}  // namespace mpq
