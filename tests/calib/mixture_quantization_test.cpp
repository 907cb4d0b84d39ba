// Each expert is quantized from the rows that it is sent; those of few rows borrow.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/calib/block_pass.h"
#include "mpq/calib/quantize_block.h"
#include "mpq/calib/stage_moments.h"
#include "mpq/core/progress.h"
#include "mpq/model/fold.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

class Mixtures : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<TokenSequence> sequences() {
    std::vector<TokenSequence> all;
    for (int i = 0; i < 6; ++i) {
      all.emplace_back();
      for (int token = 0; token < 12 + i; ++token)
        all.back().push_back(1 + (i * 31 + token * 17) % 90);
    }
    return all;
  }
  /// The first block that has experts.
  int64_t mixture_block() const {
    int64_t index = 0;
    while (!model_.config().block(index).mixture()) ++index;
    return index;
  }
  Streams input() {
    Streams streams = embed_groups(model_, groups_, memory_);
    for (int64_t i = 0; i < block_.index; ++i)
      forward_groups(model_.load_block(i), groups_, streams);
    return streams;
  }
  InputMoments moments(Stage stage, const InputNeeds& needs) {
    BlockPass pass(groups_, input(), memory_, std::vector<bool>(groups_.size()));
    while (pass.stage() != stage) pass.advance(block_);
    const StageSource source{
        .groups = groups_,
        .rows = [&](size_t group, const Batch& batch) { return pass.rows(block_, group, batch); },
        .readers = linears_of(*block_.config, stage)};
    return gather_moments(source, needs, "mixture");
  }
  std::vector<PlannedUnit> planned(const std::string& spec) const {
    std::vector<PlannedUnit> all;
    for (const Unit& unit : make_units(model_.config(), true)) {
      if (unit.block == block_.index) all.push_back({unit, make_method(spec)});
    }
    return all;
  }
  double error_of(const std::string& spec) {
    const auto plan = planned(spec);
    DecoderBlock changed = block_;
    BlockStreams streams{input(), {}};
    if (needs_of(plan).full()) streams.full = input();
    const Streams target = forward_groups(block_, groups_, input(), memory_);
    quantize_block({.config = model_.config(), .planned = plan, .groups = groups_}, changed,
                   streams, memory_);
    return (streams.quantized[0] - target[0]).square().sum().item<double>();
  }

  /// Error of the block in float32 with its experts quantized from what a model in `dtype`
  /// computes.
  double experts_error(const std::string& dtype, const std::string& spec) {
    const Model model(source_, open_safetensors_folder(source_), {.dtype = dtype});
    std::vector<PlannedUnit> plan = planned(spec);
    std::erase_if(plan, [&](const PlannedUnit& part) {
      return block_.config->linears[part.unit.linears.front()].reads < 0;
    });
    DecoderBlock narrow = model.load_block(block_.index);
    BlockStreams streams{embed_groups(model, groups_, memory_), {}};
    for (int64_t i = 0; i < block_.index; ++i)
      forward_groups(model.load_block(i), groups_, streams.quantized);
    quantize_block({.config = model.config(), .planned = plan, .groups = groups_}, narrow, streams,
                   memory_);
    DecoderBlock changed = block_;
    for (const auto& [unit, method] : plan) {
      for (const size_t i : unit.linears) changed.weights[i] = narrow.weights[i].to(at::kFloat);
    }
    const Streams target = forward_groups(block_, groups_, input(), memory_);
    const Streams found = forward_groups(changed, groups_, input(), memory_);
    return (found[0] - target[0]).square().sum().item<double>();
  }

  std::string source_ = source_path(std::string("tests/golden/architectures/") + GetParam());
  Model model_{source_, open_safetensors_folder(source_), {.dtype = "float32"}};
  MemoryBudget memory_{-1, testing::TempDir()};
  std::vector<SequenceGroup> groups_{{BatchPlan(sequences(), 40), false, true}};
  DecoderBlock block_ = model_.load_block(mixture_block());
};

TEST_P(Mixtures, AnExpertsHessianIsOfItsRowsShrunkToTheMean) {
  for (const Stage stage : {Stage::MlpIn, Stage::MlpOut}) {
    const InputMoments found = moments(stage, {.hessian = true});
    std::map<int64_t, at::Tensor> sums;
    std::map<int64_t, double> rows;
    const Streams hidden = input();
    for (const Batch& batch : groups_[0].plan.batches()) {
      StageState state = enter_block(block_, rows_of(hidden[0], batch));
      for (int s = 0; s < static_cast<int>(stage); ++s)
        advance(block_, static_cast<Stage>(s), batch.runs, state);
      std::set<int64_t> done;
      for (const auto& linear : linears_of(*block_.config, stage)) {
        if (linear.reads < 0 || !done.insert(linear.reads).second) continue;
        const at::Tensor x = input_of(state, linear);
        const at::Tensor product = at::mm(x.t(), x) * 2;
        sums[linear.reads] = sums.count(linear.reads) != 0 ? sums[linear.reads] + product : product;
        rows[linear.reads] += static_cast<double>(x.size(0));
      }
    }
    at::Tensor all;
    double total = 0;
    for (const auto& [expert, sum] : sums) {
      all = all.defined() ? all + sum : sum;
      total += rows[expert];
    }
    for (const auto& [expert, sum] : sums) {
      EXPECT_EQ(found.at(expert).rows, rows[expert]);
      const double borrowed = kBorrowedRows * static_cast<double>(sum.size(0));
      const at::Tensor expected = (sum + all * (borrowed / total)) / (rows[expert] + borrowed);
      EXPECT_TRUE(at::allclose(found.at(expert).hessian->matrix(), expected, 1e-4, 1e-6)) << expert;
    }
  }
}

TEST_P(Mixtures, ErrorCompensationHelpsEveryExpert) {
  EXPECT_LT(error_of("gptq:bits=3,group=0"), error_of("rtn:bits=3,group=0"));
}

TEST_P(Mixtures, ExpertsOfABfloat16ModelAreQuantizedAsWell) {
  for (const char* spec : {"gptq:bits=3,group=0", "awq:bits=3,group=0"}) {
    const double wide = experts_error("float32", spec);
    EXPECT_GT(wide, 0);
    EXPECT_NEAR(experts_error("bfloat16", spec) / wide, 1, 0.3) << spec;
  }
}

TEST_P(Mixtures, EveryQuantizerWorks) {
  const double worst = error_of("rtn:bits=2,group=0");
  for (const char* spec : {"gptq:bits=4,group=0,aim", "awq:bits=4,group=0", "hqq:bits=4,group=0",
                           "signround:bits=4,group=0,iterations=5",
                           "smoothquant+gptq:bits=4,group=0", "gptq:bits=4,group=0,refine=1"})
    EXPECT_LT(error_of(spec), worst) << spec;
}

TEST_P(Mixtures, CostIsWhatIsCounted) {
  for (const char* spec : {"rtn:bits=4,group=0", "gptq:bits=4,group=0", "gptq:bits=4,group=0,aim",
                           "signround:bits=4,group=0,iterations=3"}) {
    const auto plan = planned(spec);
    DecoderBlock changed = block_;
    BlockStreams streams{input(), {}};
    if (needs_of(plan).full()) streams.full = input();
    const BlockTask task{.config = model_.config(), .planned = plan, .groups = groups_};
    const int64_t before = products_counted();
    quantize_block(task, changed, streams, memory_);
    EXPECT_EQ(products_counted() - before, quantize_cost(task).products) << spec;
  }
}

TEST_P(Mixtures, ANormThatARouterReadsTooIsNeverFolded) {
  EXPECT_FALSE(input_producer(*block_.config, Stage::MlpIn).has_value());
  EXPECT_FALSE(
      foldable_scale(block_, Stage::MlpIn, at::kBFloat16, at::full({model_.config().hidden}, 2.0))
          .defined());
}

TEST_P(Mixtures, ExpertsOfOneMatrixAreOneUnit) {
  const BlockConfig& config = *block_.config;
  for (const bool fuse : {true, false}) {
    std::map<std::string, size_t> experts;
    for (const Unit& unit : make_units(model_.config(), fuse)) {
      if (unit.block != block_.index) continue;
      const LinearInfo& first = config.linears[unit.linears.front()];
      for (const size_t index : unit.linears) {
        EXPECT_EQ(config.linears[index].in, unit.in);
        EXPECT_EQ(config.linears[index].reads >= 0, first.reads >= 0);
      }
      if (first.reads < 0) continue;
      experts[unit.name] = parts_by_input(config, unit).size();
    }
    EXPECT_EQ(experts.size(), fuse || !config.gated_mlp ? 2U : 3U);
    for (const auto& [name, parts] : experts)
      EXPECT_EQ(parts, static_cast<size_t>(config.router.experts)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Mixtures,
                         testing::Values("qwen3_moe", "qwen2_moe", "glm4_moe", "deepseek_v3",
                                         "gemma4_moe", "nemotron_h"));

}  // namespace
}  // namespace mpq
