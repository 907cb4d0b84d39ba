// What is not a number is never the best choice.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpq/core/error.h"
#include "mpq/model/divergence.h"
#include "mpq/score/update_distance.h"
#include "tests/score/small_context.h"

namespace mpq {
namespace {

TEST(NotANumber, IsNoDistanceOfZero) {
  const std::vector<SequenceGroup> groups{{BatchPlan({{1, 2, 3, 4, 5, 6}}, 64), false, true}};
  const at::Tensor input = at::zeros({6, 3});
  const at::Tensor output = at::rand({6, 3}) + at::eye(6, 3);
  const UpdateDistance distance(groups, 0.2, {input}, {output});
  EXPECT_NEAR(distance.cka({input}, {output}), 0, 1e-9);
  const at::Tensor broken = at::full({6, 3}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(distance.cka({input}, {broken})));
  EXPECT_FALSE(std::isfinite(distance.squared_error({input}, {broken})));
}

TEST(NotANumber, ABlockThatAddsNothingIsLikeItself) {
  const std::vector<SequenceGroup> groups{{BatchPlan({{1, 2, 3, 4, 5, 6}}, 64), false, true}};
  const at::Tensor input = at::rand({6, 3});
  const UpdateDistance distance(groups, 0.2, {input}, {input});
  EXPECT_EQ(distance.cka({input}, {input}), 0);
  EXPECT_EQ(distance.squared_error({input}, {input}), 0);
}

TEST(NotANumber, TheErrorOfOneDocumentIsUnknown) {
  const auto one = mean_over_tokens(at::rand({5}), at::zeros({5}, at::kLong), 1);
  EXPECT_TRUE(std::isnan(one.stderr_));
  const auto two = mean_over_tokens(at::tensor({1.0F, 2.0F}), at::arange(2, at::kLong), 2);
  EXPECT_GT(two.stderr_, 0);
}

}  // namespace
}  // namespace mpq
