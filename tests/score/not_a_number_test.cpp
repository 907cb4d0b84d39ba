// What is not a number is never the best choice.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpq/core/error.h"
#include "mpq/model/divergence.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/output_probe.h"
#include "mpq/score/update_distance.h"
#include "tests/score/small_context.h"
#include "tests/support/error_of.h"

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

/// In whose third block gate times up lies beyond float32.
SmallContext broken_context(const std::vector<std::string>& candidates = {"rtn:bits=3,group=4",
                                                                          "full"}) {
  SmallContext small(candidates);
  small.edit({{"model.layers.2.post_attention_layernorm.weight",
               [](const at::Tensor& weight) { return weight * 1e30; }}});
  return small;
}

TEST(NotANumber, ABlockWithoutAFiniteOutputHasNoRelativeError) {
  const SmallContext small = broken_context();
  const std::string message = error_of(
      ErrorCode::Numeric, [&] { Registry<Scorer>::instance().make("mse")->score(small.context); });
  EXPECT_NE(message.find("block 2 holds NaN"), std::string::npos) << message;
  EXPECT_NE(message.find("--dtype float32"), std::string::npos) << message;
}

TEST(NotANumber, NothingIsComparedWithAModelOfNoFiniteOutput) {
  const SmallContext small = broken_context();
  const std::string message =
      error_of(ErrorCode::Numeric, [&] { const OutputProbe probe(small.context, {}); });
  EXPECT_NE(message.find(small.model->folder()), std::string::npos) << message;
  EXPECT_NE(message.find("--dtype float32"), std::string::npos) << message;
}

TEST(NotANumber, NoScoreIsMadeOfAModelOfNoFiniteOutput) {
  const SmallContext small = broken_context();
  for (const std::string scorer : {"taq-kl", "taq-kl:noise=weight", "grad", "grad:draws=0"}) {
    const std::string message = error_of(ErrorCode::Numeric, [&] { run(scorer, small); });
    EXPECT_NE(message.find("the model's own output on the task holds NaN"), std::string::npos)
        << scorer << ": " << message;
  }
}

TEST(NotANumber, ABlockWhoseNoiseLeavesNothingFiniteIsNamed) {
  SmallContext small({"rtn:bits=3,group=4"});
  small.statistics[2].last_token_range = std::numeric_limits<double>::infinity();
  const std::string message = error_of(ErrorCode::Numeric, [&] { run("taq-kl", small); });
  EXPECT_NE(message.find("taq-kl: the KL of block 2 is "), std::string::npos) << message;
}

TEST(NotANumber, ABlockThatNoAlgorithmKeepsFiniteIsNamed) {
  const SmallContext small = broken_context({"rtn:bits=3,group=4", "rtn:bits=4,group=4"});
  const std::string message = error_of(ErrorCode::Numeric, [&] { run("calm", small); });
  EXPECT_NE(message.find("calm: block 2: no algorithm"), std::string::npos) << message;
}

TEST(NotANumber, HasNoLikenessThatAPlanCouldUse) {
  SmallContext small = broken_context({"rtn:bits=3,group=4", "rtn:bits=4,group=4"});
  ScoreTable table = run("cka", small);
  for (size_t u = 0; u < small.context.units.size(); ++u) {
    const bool whole = small.context.units[u].unit.block < 2;
    for (const double loss : table.loss[u])
      EXPECT_EQ(std::isfinite(loss), whole) << small.context.units[u].unit.name << ": " << loss;
  }
  const std::string message =
      error_of(ErrorCode::Numeric, [&] { drop_unmeasured(small.context, table); });
  EXPECT_NE(message.find("layers.2."), std::string::npos) << message;
}

TEST(NotANumber, AnInfiniteLikenessIsNoDistanceOfZero) {
  // The products of updates so small are 0 in float64, and so is what their CKA is divided by.
  const std::vector<SequenceGroup> groups{{BatchPlan({{1, 2, 3, 4, 5, 6}}, 64), false, true}};
  const auto tiny = [](const std::vector<float>& rows) {
    return (at::tensor(at::ArrayRef<float>(rows)) * std::numeric_limits<float>::denorm_min())
        .unsqueeze(1);
  };
  const at::Tensor input = at::zeros({6, 1});
  const UpdateDistance distance(groups, 0.2, {input}, {tiny({1, 2, 3, 4, 5, 6})});
  EXPECT_FALSE(std::isfinite(distance.cka({input}, {tiny({1, 2, 3, 4, 5, 12})})));
}

TEST(NotANumber, TheErrorOfOneDocumentIsUnknown) {
  const auto one = mean_over_tokens(at::rand({5}), at::zeros({5}, at::kLong), 1);
  EXPECT_TRUE(std::isnan(one.stderr_));
  const auto two = mean_over_tokens(at::tensor({1.0F, 2.0F}), at::arange(2, at::kLong), 2);
  EXPECT_GT(two.stderr_, 0);
}

}  // namespace
}  // namespace mpq
