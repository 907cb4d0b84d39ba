// Moments of a stage against their definitions, and the weight that makes up for what the layers
// before have lost against its normal equations.
#include "mpq/calib/stage_moments.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "mpq/core/error.h"
#include "tests/support/error_of.h"

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
  static StageRows rows_of(const std::vector<StageState>& states) {
    return [&states](size_t group, const Batch& batch) {
      const auto rows = [&](const at::Tensor& all) {
        return all.narrow(0, batch.first_row, batch.rows);
      };
      return StageState{rows(states[group].residual), rows(states[group].input)};
    };
  }
  StageMoments moments(const InputNeeds& needs, double text_share, bool residual = true) const {
    const StageSource source{groups, text_share, rows_of(own), rows_of(full), residual};
    return gather_moments(source, needs, "small").at(kDense);
  }
  at::Tensor hessian(double text_share) const {
    return moments({.hessian = true}, text_share).hessian->matrix();
  }
  at::Tensor aimed(bool with_residual, double text_share) const {
    const StageMoments all = moments({.hessian = true, .aim = true}, text_share, with_residual);
    return aimed_weight(all, {.name = "small", .weight = weight, .hessian = all.hessian});
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

  std::vector<SequenceGroup> groups{{BatchPlan({{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11}}, 6), false},
                                    {BatchPlan({{1, 2, 3, 4, 5, 6, 7}}, 64), true}};
  std::vector<StageState> own, full;
  at::Tensor weight = at::randn({3, 6});
};

/// 2 E[x x^T] of one group.
at::Tensor direct(const StageState& state) {
  const auto x = state.input.to(at::kDouble);
  return at::mm(x.t(), x) * (2.0 / static_cast<double>(x.size(0)));
}

TEST(StageMoments, HessiansAreBlendedByTheirMeanDiagonals) {
  const SmallStage small;
  const auto task = direct(small.own[0]);
  const auto text = direct(small.own[1]);
  const auto expect = [&](double share, const at::Tensor& expected) {
    EXPECT_TRUE(at::allclose(small.hessian(share).to(at::kDouble), expected, 1e-5, 1e-6)) << share;
  };
  expect(0, task);
  expect(1, text);
  expect(0.25, 0.75 * task / task.diagonal().mean() + 0.25 * text / text.diagonal().mean());
}

TEST(StageMoments, InputsOfZerosLeaveTheOtherKind) {
  SmallStage small;
  const auto task = small.hessian(0);
  const auto text = small.hessian(1);
  const auto input = small.own[1].input;
  small.own[1].input = at::zeros_like(input);
  EXPECT_TRUE(at::allclose(small.hessian(0.25), task));
  small.own[1].input = input;
  small.own[0].input = at::zeros_like(small.own[0].input);
  EXPECT_TRUE(at::allclose(small.hessian(0.25), text));
}

TEST(StageMoments, RangesAreOfBothKinds) {
  const SmallStage small;
  const StageMoments moments = small.moments({.ranges = true}, 0.25);
  const auto task = small.own[0].input.abs();
  const auto text = small.own[1].input.abs();
  EXPECT_TRUE(at::equal(moments.max_abs, at::maximum(task.amax(0), text.amax(0))));
  EXPECT_TRUE(at::allclose(moments.mean_abs,
                           0.75 * task.mean(0) / task.mean() + 0.25 * text.mean(0) / text.mean()));
  EXPECT_EQ(moments.hessian, nullptr);
}

TEST(StageMoments, NotANumberIsSaidOfEitherKind) {
  for (const size_t group : {0U, 1U}) {
    SmallStage small;
    small.own[group].input[2][3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(error_of(ErrorCode::Numeric, [&] { small.hessian(0.25); }).find("small: its inputs"),
              std::string::npos);
  }
}

TEST(StageMoments, ReadsAsManyRowsAsItSays) {
  const SmallStage small;
  for (const double share : {0.0, 0.25, 1.0}) {
    int64_t own = 0;
    int64_t full = 0;
    const auto counting = [](const StageRows& rows, int64_t& count) {
      return [&rows, &count](size_t group, const Batch& batch) {
        count += batch.rows;
        return rows(group, batch);
      };
    };
    const InputNeeds needs{.hessian = true, .aim = true};
    const StageRows own_rows = SmallStage::rows_of(small.own);
    const StageRows full_rows = SmallStage::rows_of(small.full);
    gather_moments({small.groups, share, counting(own_rows, own), counting(full_rows, full)}, needs,
                   "small");
    const MomentRows said = moment_rows(small.groups, share, needs, {false, false});
    EXPECT_EQ(own, said.own) << share;
    EXPECT_EQ(full, said.full) << share;
  }
}

TEST(AimedWeight, IsTheLeastOfItsObjective) {
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

TEST(AimedWeight, SharesOfZeroAndOneLeaveOneKind) {
  SmallStage small;
  const at::Tensor task = small.aimed(true, 0);
  const at::Tensor text = small.aimed(true, 1);
  small.own[1] = small.full[1];
  EXPECT_TRUE(at::allclose(small.aimed(true, 0), task));
  EXPECT_TRUE(at::allclose(small.aimed(true, 1), small.weight, 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(text, small.weight, 1e-2, 1e-2));
}

TEST(AimedWeight, WithoutLossTheWeightStays) {
  SmallStage small;
  small.own = small.full;
  EXPECT_TRUE(at::allclose(small.aimed(true, 0.2), small.weight, 1e-6, 1e-6));
}

TEST(AimedWeight, ANormAfterTheLinearHidesTheResidual) {
  BlockConfig config;
  EXPECT_FALSE(adds_to_residual(config, Stage::AttentionIn));
  EXPECT_TRUE(adds_to_residual(config, Stage::AttentionOut));
  EXPECT_FALSE(adds_to_residual(config, Stage::MlpIn));
  EXPECT_TRUE(adds_to_residual(config, Stage::MlpOut));
  config.sides[Side::AfterAttentionNorm] = config.sides[Side::AfterMlpNorm] = {"norm", {4}};
  EXPECT_FALSE(adds_to_residual(config, Stage::AttentionOut));
  EXPECT_FALSE(adds_to_residual(config, Stage::MlpOut));
}

}  // namespace
}  // namespace mpq
