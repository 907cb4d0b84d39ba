// TAQO's batched probes against a direct forward pass for each candidate.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/eval/answers.h"
#include "mpq/quant/quantizer.h"
#include "mpq/score/candidate_walk.h"
#include "tests/score/small_context.h"
#include "tests/support/quantized.h"

namespace mpq {
namespace {

TEST(Taqo, EveryLossEqualsADirectForwardPass) {
  const SmallContext small({"rtn:bits=3,group=4,sym", "rtn:bits=4,group=4", "full"});
  const ScoreTable table = run("taqo:text_weight=0", small);
  for (size_t u = 0; u < small.context.units.size(); u += 3) {
    const auto& [unit, candidates] = small.context.units[u];
    for (size_t c = 0; c < 2; ++c) {
      const auto weight = stacked_weight(small.model->load_block(unit.block), unit);
      const QuantProblem problem{.name = unit.name, .weight = weight};
      const double direct =
          direct_kl(small, {{unit, dequantize(quantized(candidates[c], problem))}});
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

TEST(Taqo, AnswersMetricIsWhatTheGeneratedAnswersLose) {
  SmallContext small({"rtn:bits=2,group=4", "full"});
  const auto tokenizer = Tokenizer::load(small.model->folder());
  small.context.tokenizer = tokenizer.get();
  // The gold answers are the model's own, so that S_base is 1.
  std::vector<TokenSequence> questions;
  for (const auto& prompt : small.prompts.task) questions.push_back(prompt.tokens);
  const auto own = score_answers(*small.model, *tokenizer, questions,
                                 std::vector<std::vector<std::string>>(questions.size()), {});
  for (size_t i = 0; i < questions.size(); ++i)
    small.prompts.task[i].task.answers = {own.generated[i]};
  const ScoreTable table = run("taqo:metric=answers,examples=4", small);
  EXPECT_EQ(table.details["baseline"], 1.0);
  EXPECT_EQ(table.details["examples"], 4);
  double lost = 0;
  for (size_t u = 0; u < table.loss.size(); ++u) {
    EXPECT_GE(table.loss[u][0], 0);
    EXPECT_EQ(table.loss[u][1], 0);
    lost += table.loss[u][0];
  }
  EXPECT_GT(lost, 0);  // two bits in some block change some answer
}

TEST(Taqo, AnswersMetricWithoutAnswersSaysWhatToDo) {
  const SmallContext small({"rtn:bits=2,group=4"});
  try {
    run("taqo:metric=answers", small);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_NE(std::string(error.what()).find("\"answers\""), std::string::npos);
  }
}

TEST(Taqo, CostCountsEveryProduct) {
  const SmallContext small({"rtn:bits=3,group=4,sym", "full"});
  const ScoreCost cost = Registry<Scorer>::instance().make("taqo")->cost(small.context);
  // The walk and the probe's own pass over 5 blocks; 4 units a block, each through the later ones,
  // 4 (4 + 3 + 2 + 1), and through its own from its stage on.
  const ModelConfig& config = small.model->config();
  int64_t own = 0;
  for (int stage = 0; stage < kStages; ++stage)
    own += block_products(config.blocks.front(), static_cast<Stage>(stage));
  EXPECT_EQ(cost.products, probed_rows(small.context) *
                               ((10 + 4 * 10) * block_products(config.blocks.front()) + 5 * own));
  EXPECT_EQ(cost.quantizations, 20);
}

}  // namespace
}  // namespace mpq
