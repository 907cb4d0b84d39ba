// A scoring that was killed goes on with the block it was in, and ends with the same table.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/calib/fisher.h"
#include "mpq/core/json_file.h"
#include "mpq/core/progress.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "tests/score/small_context.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Resume : public testing::TestWithParam<const char*> {
 protected:
  TemporaryFolder folder_;
};

TEST_P(Resume, FinishedBlocksAreNotMeasuredAgain) {
  SmallContext small({"rtn:bits=2,group=4", "rtn:bits=3,group=4", "full"});
  const auto scorer = Registry<Scorer>::instance().make(GetParam());
  const ScoreTable whole = scorer->score(small.context);
  small.context.finished_folder = folder_.path();
  scorer->score(small.context);
  // As if the last two of five blocks had not been finished.
  fs::remove(folder_.file("block-00003.json"));
  fs::remove(folder_.file("block-00004.json"));
  fs::remove(folder_.file("hidden.safetensors"));
  int64_t quantizations = 0;
  small.context.quantizations = &quantizations;
  const ScoreTable resumed = scorer->score(small.context);
  EXPECT_EQ(quantizations, scorer->cost(small.context).quantizations * 2 / 5);
  EXPECT_EQ(resumed.loss, whole.loss);
  EXPECT_EQ(resumed.loss_stderr, whole.loss_stderr);
  EXPECT_EQ(resumed.score, whole.score);
  ASSERT_EQ(resumed.pairs.size(), whole.pairs.size());
  for (size_t i = 0; i < whole.pairs.size(); ++i) {
    EXPECT_EQ(resumed.pairs[i].first, whole.pairs[i].first);
    EXPECT_EQ(resumed.pairs[i].interaction, whole.pairs[i].interaction);
  }
}

TEST(ResumedWalk, GoesOnFromTheKeptStatesOfTheBlockBefore) {
  SmallContext small({"gptq:bits=3,group=4"});
  const TemporaryFolder folder;
  small.context.finished_folder = folder.path();
  std::vector<int64_t> entered;
  std::vector<at::Tensor> outputs(5);
  int64_t failing = 3;
  CandidateWalk hooks{.title = "walk"};
  hooks.enter = [&](const DecoderBlock& block, const Streams&) { entered.push_back(block.index); };
  hooks.leave = [&](int64_t index, const Streams&, const Streams& output) {
    if (index == failing) throw std::runtime_error("killed");
    outputs[static_cast<size_t>(index)] = output[0].clone();
  };
  ScoreTable table = empty_table(small.context, "");
  EXPECT_THROW(walk_candidates(small.context, hooks, table), std::runtime_error);
  EXPECT_TRUE(fs::exists(folder.file("hidden.safetensors")));
  failing = -1;
  const int64_t before = products_counted();
  walk_candidates(small.context, hooks, table);
  EXPECT_EQ(entered, (std::vector<int64_t>{0, 1, 2, 3, 3, 4}));
  EXPECT_EQ(products_counted() - before, walk_products(small.context, "", false) * 2 / 5);
  // The last block's output is that of a walk that was left alone.
  const at::Tensor resumed = outputs[4];
  small.context.finished_folder.clear();
  walk_candidates(small.context, hooks, table);
  EXPECT_TRUE(at::equal(outputs[4], resumed));
}

/// Their indices address units, their rows candidates.
TEST(ResumedPairs, ThatFitNoUnitsAreRefused) {
  SmallContext small({"rtn:bits=2,group=4", "full"});
  const auto hir = Registry<Scorer>::instance().make("hir");
  const TemporaryFolder folder;
  small.context.finished_folder = folder.path();
  hir->score(small.context);
  const std::string path = folder.file("block-00001.json");
  const Json good = read_json_file(path);
  const Json pair = good.at("pairs").at(0);
  const auto expect_refused = [&](const char* member, const Json& value) {
    Json damaged = good;
    damaged["pairs"][0][member] = value;
    write_json_file(path, damaged);
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { hir->score(small.context); }),
                testing::HasSubstr("block-00001.json"))
        << member << " " << value;
  };
  for (const char* value : {"99", "-1", "0.5", R"("x")", "null"})
    expect_refused("first", Json::parse(value));
  expect_refused("first", pair.at("second"));
  expect_refused("second", pair.at("first"));
  expect_refused("second", small.context.units.size());
  expect_refused("second", small.context.units.size() - 1);  // of another block
  for (const char* rows : {"[]", "[[0, 0]]", "[[0, 0], [0]]", "[[0, 0], [0, 0], [0, 0]]",
                           R"([[0, 0], [0, "x"]])", "[0, 0]", "5"})
    expect_refused("interaction", Json::parse(rows));
  write_json_file(path, good);
  EXPECT_NO_THROW(hir->score(small.context));
}

/// Whatever runs under this stops when a stage has done so many blocks.
class KilledAfter {
 public:
  KilledAfter(const std::string& stage, int64_t blocks) {
    set_log_sinks({.message = {}, .progress = [stage, blocks](const ProgressEvent& event) {
                     if (event.stage == stage && event.done == blocks)
                       throw std::runtime_error("killed");
                   }});
  }
  ~KilledAfter() { set_log_sinks({}); }
  KilledAfter(const KilledAfter&) = delete;
  KilledAfter& operator=(const KilledAfter&) = delete;
};

void expect_killed(const Scorer& scorer, const ScoreContext& context, const std::string& stage,
                   int64_t blocks) {
  const KilledAfter killed(stage, blocks);
  EXPECT_THROW(scorer.score(context), std::runtime_error);
}

/// Its prefix is that of the algorithms chosen, which rows alone do not bring back.
TEST(ResumedCalm, GoesOnWithTheChosenPrefix) {
  SmallContext small({"rtn:bits=2,group=4", "gptq:bits=2,group=4"});
  const auto calm = Registry<Scorer>::instance().make("calm");
  const ScoreTable whole = calm->score(small.context);
  const TemporaryFolder folder;
  small.context.finished_folder = folder.path();
  expect_killed(*calm, small.context, "score calm", 3);
  int64_t quantizations = 0;
  small.context.quantizations = &quantizations;
  const ScoreTable resumed = calm->score(small.context);
  EXPECT_EQ(quantizations, calm->cost(small.context).quantizations * 2 / 5);
  EXPECT_EQ(resumed.loss, whole.loss);
  EXPECT_EQ(resumed.details["chosen"], whole.details["chosen"]);
}

TEST(ResumedGrad, GoesOnWithinTheBackwardPass) {
  SmallContext small({"rtn:bits=2,group=4", "full"});
  const auto grad = Registry<Scorer>::instance().make("grad");
  const ScoreTable whole = grad->score(small.context);
  const TemporaryFolder folder;
  small.context.finished_folder = folder.path();
  for (const int64_t blocks : {2, 5})
    expect_killed(*grad, small.context, "score grad: backward", blocks);
  EXPECT_EQ(grad->score(small.context).loss, whole.loss);
}

/// Killed when two of five blocks were done.
class ResumedFisher : public testing::Test {
 protected:
  ResumedFisher() {
    const KilledAfter killed("Fisher: backward", 2);
    EXPECT_THROW(channel_fisher(*small_.model, plan_, small_.memory, state_), std::runtime_error);
  }

  SmallContext small_{{"full"}};
  const BatchPlan plan_{{{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64};
  const ChannelFisher whole_ = channel_fisher(*small_.model, plan_, small_.memory);
  const TemporaryFolder folder_;
  const std::string state_ = folder_.file("state");
};

TEST_F(ResumedFisher, EndsWithTheSameSums) {
  const int64_t before = products_counted();
  const ChannelFisher resumed = channel_fisher(*small_.model, plan_, small_.memory, state_);
  // Three blocks are left: their inputs are made again, and they go forward and back.
  EXPECT_EQ(products_counted() - before,
            10 * block_products(small_.model->config().blocks.front()) * (2 + 3 * 2));
  for (size_t block = 0; block < whole_.size(); ++block) {
    for (size_t i = 0; i < whole_[block].size(); ++i)
      EXPECT_TRUE(at::equal(resumed[block][i], whole_[block][i])) << block << " " << i;
  }
  // Killed before the sums were in place, it makes none again.
  const int64_t after = products_counted();
  EXPECT_TRUE(
      at::equal(channel_fisher(*small_.model, plan_, small_.memory, state_)[4][0], whole_[4][0]));
  EXPECT_EQ(products_counted(), after);
}

TEST_F(ResumedFisher, ABlockWhoseGradientsWereNotKeptCountsOnce) {
  // Killed when the scores of the third of five blocks were written, and its gradients were not.
  const std::string sums = state_ + "/sums.safetensors";
  ChannelFisher kept = load_fisher(sums, small_.model->config());
  kept[2] = whole_[2];
  save_fisher(sums, kept);
  const ChannelFisher resumed = channel_fisher(*small_.model, plan_, small_.memory, state_);
  for (size_t block = 0; block < whole_.size(); ++block) {
    for (size_t i = 0; i < whole_[block].size(); ++i)
      EXPECT_TRUE(at::equal(resumed[block][i], whole_[block][i])) << block << " " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Scorers, Resume,
                         testing::Values("taqo", "hir", "mse", "cka", "taq-kl",
                                         "taq-kl:noise=weight", "grad"));

}  // namespace
}  // namespace mpq
