// The local error against its definition.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/quant/quantizer.h"
#include "tests/score/small_context.h"
#include "tests/support/quantized.h"

namespace mpq {
namespace {

TEST(Mse, IsTheRelativeErrorOfTheBlocksOutput) {
  SmallContext small({"rtn:bits=3,group=4,sym"});
  const auto table = Registry<Scorer>::instance().make("mse")->score(small.context);
  // Block 0 of unit 3 (down), over all probed sequences one by one.
  const auto& unit = small.context.units[3].unit;
  const DecoderBlock block = small.model->load_block(0);
  const QuantProblem problem{.name = "w", .weight = stacked_weight(block, unit)};
  const auto changed =
      with_unit_weight(block, unit, dequantize(quantized("rtn:bits=3,group=4,sym", problem)));
  double error = 0;
  double size = 0;
  for (const auto& group : small.context.groups) {
    if (!group.probe) continue;
    auto hidden = embed_all(*small.model, group.plan, small.memory);
    auto full = hidden.clone();
    auto other = hidden.clone();
    forward_all(block, group.plan, hidden, full);
    forward_all(changed, group.plan, hidden, other);
    error += (other - full).square().sum().item<double>();
    size += full.square().sum().item<double>();
  }
  EXPECT_NEAR(table.loss[3][0], error / size, 1e-5 * error / size);
}

TEST(Mse, FallsWithWidth) {
  const SmallContext small(
      {"rtn:bits=2,group=4", "rtn:bits=4,group=4", "rtn:bits=8,group=4", "full"});
  const auto table = Registry<Scorer>::instance().make("mse")->score(small.context);
  for (const auto& losses : table.loss) {
    EXPECT_GT(losses[0], losses[1]);
    EXPECT_GT(losses[1], losses[2]);
    EXPECT_EQ(losses[3], 0);
  }
}

}  // namespace
}  // namespace mpq
