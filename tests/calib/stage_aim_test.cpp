// The weight that makes up for what the layers before have lost, against its normal equations.
#include "mpq/calib/stage_aim.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/calib/hessian_accumulator.h"

namespace mpq {
namespace {

/// A stage of 6 inputs and 3 outputs, in two groups of tokens.
struct SmallStage {
  SmallStage() {
    at::manual_seed(3);
    for (const auto& group : groups) {
      const int64_t rows = group.plan.rows();
      full.push_back({at::randn({rows, 3}), at::randn({rows, 6})});
      own.push_back({full.back().residual + 0.3 * at::randn({rows, 3}),
                     full.back().input + 0.3 * at::randn({rows, 6})});
    }
  }
  at::Tensor aimed(bool with_residual, double text_share) const {
    const QuantProblem problem{
        .name = "small",
        .weight = weight,
        .hessian = std::make_shared<Hessian>(stage_hessian(groups, own, text_share))};
    return StageAim(groups, own, full, text_share, with_residual).weight(problem);
  }
  /// sum of |W' x - (W f + r_f - r)|^2 over a group's tokens, over their mean |x|^2.
  double error(const at::Tensor& changed, size_t g, bool with_residual) const {
    auto lack = at::mm(own[g].input, changed.t()) - at::mm(full[g].input, weight.t());
    if (with_residual) lack = lack - (full[g].residual - own[g].residual);
    return (lack.square().sum() / own[g].input.square().sum()).item<double>();
  }
  /// What the weight is the least of: both groups' errors by share, and the distance moved.
  double objective(const at::Tensor& changed, bool with_residual, double text_share) const {
    constexpr double kDamp = 0.1;
    return (1 - text_share) * error(changed, 0, with_residual) +
           text_share * error(changed, 1, with_residual) +
           kDamp / 6 * (changed - weight).square().sum().item<double>();
  }

  std::vector<SequenceGroup> groups{{BatchPlan({{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}, 64), false},
                                    {BatchPlan({{1, 2, 3, 4, 5, 6, 7}}, 64), true}};
  GroupStates own, full;
  at::Tensor weight = at::randn({3, 6});
};

TEST(StageAim, IsTheLeastOfItsObjective) {
  const SmallStage small;
  for (const bool with_residual : {false, true}) {
    const at::Tensor aimed = small.aimed(with_residual, 0.3);
    const double least = small.objective(aimed, with_residual, 0.3);
    EXPECT_LT(least, 0.9 * small.objective(small.weight, with_residual, 0.3));
    for (int64_t i = 0; i < aimed.numel(); ++i) {
      for (const double step : {-1e-2, 1e-2}) {
        auto moved = aimed.clone();
        moved.view(-1)[i] += step;
        EXPECT_GT(small.objective(moved, with_residual, 0.3), least) << i;
      }
    }
  }
}

TEST(StageAim, SharesOfZeroAndOneLeaveOneKind) {
  SmallStage small;
  const at::Tensor task = small.aimed(true, 0);
  const at::Tensor text = small.aimed(true, 1);
  small.own[1] = small.full[1];
  EXPECT_TRUE(at::allclose(small.aimed(true, 0), task));
  EXPECT_TRUE(at::allclose(small.aimed(true, 1), small.weight, 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(text, small.weight, 1e-2, 1e-2));
}

TEST(StageAim, WithoutLossTheWeightStays) {
  SmallStage small;
  small.own = small.full;
  EXPECT_TRUE(at::allclose(small.aimed(true, 0.2), small.weight, 1e-6, 1e-6));
}

TEST(StageAim, ANormAfterTheLinearHidesTheResidual) {
  ModelConfig config;
  EXPECT_FALSE(adds_to_residual(config, Stage::AttentionIn));
  EXPECT_TRUE(adds_to_residual(config, Stage::AttentionOut));
  EXPECT_FALSE(adds_to_residual(config, Stage::MlpIn));
  EXPECT_TRUE(adds_to_residual(config, Stage::MlpOut));
  config.norm_after_attention = config.norm_after_mlp = "norm";
  EXPECT_FALSE(adds_to_residual(config, Stage::AttentionOut));
  EXPECT_FALSE(adds_to_residual(config, Stage::MlpOut));
}

}  // namespace
}  // namespace mpq
