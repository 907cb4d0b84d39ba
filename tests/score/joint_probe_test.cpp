// Whole plans measured together against direct forward passes.
#include "mpq/score/joint_probe.h"

#include <gtest/gtest.h>

#include "mpq/core/progress.h"
#include "tests/score/small_context.h"
#include "tests/support/error_of.h"
#include "tests/support/quantized.h"

namespace mpq {
namespace {

/// KL of a plan by one forward pass of its own.
double direct(const SmallContext& small, const Choice& plan) {
  std::vector<std::pair<Unit, at::Tensor>> replaced;
  for (size_t u = 0; u < plan.size(); ++u) {
    const auto& [unit, candidates] = small.context.units[u];
    const auto& spec = candidates[static_cast<size_t>(plan[u])];
    if (spec == kFullPrecision) continue;
    const auto weight = stacked_weight(small.model->load_block(unit.block), unit);
    replaced.emplace_back(unit, dequantize(quantized(spec, {.name = unit.name, .weight = weight})));
  }
  return direct_kl(small, replaced);
}

TEST(JointLosses, EqualDirectForwardPasses) {
  SmallContext small({"rtn:bits=2,group=4", "rtn:bits=3,group=4", "full"});
  const size_t units = small.context.units.size();
  std::vector<Choice> plans(4, Choice(units, 1));
  plans[1][units - 1] = 0;  // differs in the last block only
  plans[2][0] = 2;          // and in the first only
  plans[3].assign(units, 2);
  int64_t quantizations = 0;
  small.context.quantizations = &quantizations;
  const int64_t before = products_counted();
  const auto losses = joint_losses(small.context, plans, 0);
  const int64_t products = products_counted() - before;
  for (size_t i = 0; i < plans.size(); ++i) {
    const double expected = direct(small, plans[i]);
    EXPECT_NEAR(losses[i].loss.mean, expected, 1e-4 * expected + 1e-7) << i;
    EXPECT_NEAR(losses[i].difference.mean, losses[i].loss.mean - losses[0].loss.mean, 1e-6) << i;
  }
  EXPECT_EQ(losses[0].difference.stderr_, 0);
  EXPECT_GT(losses[1].difference.stderr_, 0);
  // The probe's pass, the walk's, and by block the paths that differ: 3 3 3 3 4.
  // Of general text nothing is measured by the probe.
  const int64_t block = block_products(small.model->config().blocks.front());
  EXPECT_EQ(products, block * (5 * probed_rows(small.context, 0) +
                               (5 + 3 * 4 + 4) * probed_rows(small.context)));
  // Two widths in the first and the last unit, one elsewhere.
  EXPECT_EQ(quantizations, static_cast<int64_t>(units) + 1);
}

TEST(JointLosses, APlanWithoutAFiniteOutputIsAnError) {
  SmallContext small({"rtn:bits=2,group=4", "full"});
  overflow_together(small);
  const size_t units = small.context.units.size();
  const Choice quantized(units, 0), full(units, 1);
  // One that is compared with the plan may be as it is: NaN is below nothing.
  EXPECT_FALSE(joint_losses(small.context, {full, quantized}, 0)[1].difference.mean < 0);
  const std::string message = error_of(ErrorCode::Numeric, [&] {
    joint_losses(small.context, {quantized, full}, 0);
  });
  EXPECT_NE(message.find("together"), std::string::npos) << message;
}

}  // namespace
}  // namespace mpq
