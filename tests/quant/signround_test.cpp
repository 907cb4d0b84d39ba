// SignRound lowers the error of its linear; of its block: tests/calib/block_training_test.cpp.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

double error_of(const std::string& spec, const QuantProblem& problem) {
  return trace_error(problem, dequantize(quantized(spec, problem)));
}

TEST(SignRound, LowersTheOutputErrorWellBelowRounding) {
  const GoldenCase golden("adaround", "b2");
  const QuantProblem problem = golden.problem();
  for (const char* sym : {"", ",sym"}) {
    EXPECT_LT(error_of("signround:" + golden.encoding() + sym, problem),
              0.97 * error_of("rtn:" + golden.encoding() + sym, problem))
        << sym;
  }
}

}  // namespace
}  // namespace mpq
