// TAQO's batched probes against a direct forward pass for each candidate.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/quant/quantizer.h"
#include "tests/score/small_context.h"

namespace mpq {
namespace {

ScoreTable run(const std::string& spec, const SmallContext& small) {
  return Registry<Scorer>::instance().make(spec)->score(small.context);
}

TEST(Taqo, EveryLossEqualsADirectForwardPass) {
  const SmallContext small({"rtn:bits=3,group=4,sym", "rtn:bits=4,group=4", "full"});
  const ScoreTable table = run("taqo:text_weight=0", small);
  for (size_t u = 0; u < small.context.units.size(); u += 3) {
    const auto& [unit, candidates] = small.context.units[u];
    for (size_t c = 0; c < 2; ++c) {
      const auto weight = stacked_weight(small.model->load_block(unit.block), unit);
      const auto quantized = dequantize(Registry<Quantizer>::instance()
                                            .make(candidates[c])
                                            ->quantize({unit.name, weight, nullptr, at::kFloat}));
      const double direct = direct_kl(small, unit, quantized);
      EXPECT_NEAR(table.loss[u][c], direct, 1e-4 * direct + 1e-7) << unit.name << candidates[c];
      EXPECT_GT(table.loss_stderr[u][c], 0);
    }
    EXPECT_EQ(table.loss[u][2], 0);
  }
}

TEST(Taqo, ProbesWithTheNamedQuantizerAtTheCandidatesWidth) {
  const SmallContext gptq({"gptq:bits=3,group=4,sym"});
  const SmallContext rtn({"rtn:bits=3,group=4,sym"});
  EXPECT_EQ(run("taqo:quantizer=rtn", gptq).loss, run("taqo", rtn).loss);
  EXPECT_NE(run("taqo", gptq).loss, run("taqo", rtn).loss);
}

TEST(Taqo, TextWeightAddsTheTextsKl) {
  const SmallContext small({"rtn:bits=3,group=4,sym"});
  const auto none = run("taqo:text_weight=0", small).loss;
  const auto some = run("taqo:text_weight=0.5", small).loss;
  for (size_t u = 0; u < none.size(); ++u) EXPECT_GT(some[u][0], none[u][0]);
}

TEST(Taqo, CostCountsEveryBlockForward) {
  const SmallContext small({"rtn:bits=3,group=4,sym", "full"});
  const ScoreCost cost = Registry<Scorer>::instance().make("taqo")->cost(small.context);
  // 5 blocks; 4 units a block, each from its block to the last: 4 (5 + 4 + 3 + 2 + 1), and the base
  // pass.
  EXPECT_EQ(cost.block_forwards, 5 + 4 * 15);
  EXPECT_EQ(cost.quantizations, 20);
}

}  // namespace
}  // namespace mpq
