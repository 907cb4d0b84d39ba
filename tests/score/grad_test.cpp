// Fisher scores and first-order sensitivities against torch's autograd
// (tools/golden/make_fisher.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "mpq/calib/fisher.h"
#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"
#include "tests/score/small_context.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

struct Nano {
  explicit Nano(const std::string& dtype = "float32") {
    golden = read_json_file(source_path("tests/golden/fisher/nano.json"));
    const std::string folder = source_path("data/nano-llama");
    model = std::make_unique<Model>(folder, open_safetensors_folder(folder),
                                    ComputeOptions{.dtype = dtype});
    for (auto& ids : golden.at("ids").get<std::vector<TokenSequence>>())
      prompts.task.push_back({{}, std::move(ids)});
  }
  std::vector<TokenSequence> sequences() const {
    std::vector<TokenSequence> all;
    for (const auto& prompt : prompts.task) all.push_back(prompt.tokens);
    return all;
  }
  Json golden;
  std::unique_ptr<Model> model;
  PromptSet prompts;
  MemoryBudget memory{-1, "/tmp"};
};

/// Channel scores against the golden's, each within `each` and their sums within `whole`.
void expect_scores(const Nano& nano, const ChannelFisher& fisher, double each, double whole) {
  const char* roles[] = {"q", "k", "v", "o", "gate", "up", "down"};
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (size_t i = 0; i < 7; ++i) {
      const Json& expected = nano.golden.at("fisher").at(std::to_string(block)).at(roles[i]);
      const double sum = expected.at("sum");
      EXPECT_NEAR(fisher[block][i].sum(at::kDouble).item<double>(), sum, whole * sum)
          << block << roles[i];
      for (int64_t c = 0; c < 8; ++c) {
        const double first = expected.at("first").at(static_cast<size_t>(c));
        EXPECT_NEAR(fisher[block][i][c].item<double>(), first, each * first) << block << roles[i];
      }
      EXPECT_EQ(fisher[block][i].argmax().item<int64_t>(), expected.at("argmax").get<int64_t>());
    }
  }
}

TEST(Fisher, ChannelScoresEqualAutogradsOfEveryPrompt) {
  Nano nano("float64");
  expect_scores(nano, channel_fisher(*nano.model, BatchPlan(nano.sequences(), 4096), nano.memory),
                1e-5, 1e-5);
}

TEST(Fisher, Float32IsAsCloseAsTorchs) {
  Nano nano;
  const auto fisher = channel_fisher(*nano.model, BatchPlan(nano.sequences(), 4096), nano.memory);
  expect_scores(nano, fisher, 2e-4, 1e-4);
  const std::string path = testing::TempDir() + "/fisher.safetensors";
  save_fisher(path, fisher);
  EXPECT_TRUE(load_fisher(path, nano.model->config())[2][3].equal(fisher[2][3]));
}

/// Of the best quarter of the channels, how many are so in both.
double shared_quarter(const at::Tensor& a, const at::Tensor& b) {
  const auto best = [](const at::Tensor& scores) {
    const int64_t quarter = scores.size(0) / 4;
    const auto channels = std::get<1>(scores.topk(quarter));
    return at::zeros_like(scores).index_fill_(0, channels, 1.0 / static_cast<double>(quarter));
  };
  return at::minimum(best(a), best(b)).sum(at::kDouble).item<double>();
}

TEST(Fisher, NarrowDtypesFindTheChannelsOfFloat32) {
  const auto fisher_in = [](const std::string& dtype) {
    Nano nano(dtype);
    return channel_fisher(*nano.model, BatchPlan(nano.sequences(), 4096), nano.memory);
  };
  const ChannelFisher wide = fisher_in("float32");
  for (const char* dtype : {"bfloat16", "float16"}) {
    const ChannelFisher narrow = fisher_in(dtype);
    for (size_t block = 0; block < wide.size(); ++block) {
      for (size_t i = 0; i < wide[block].size(); ++i) {
        const at::Tensor &expected = wide[block][i], &found = narrow[block][i];
        const auto distance = (found - expected).abs().sum() / expected.sum();
        EXPECT_LT(distance.item<double>(), 0.1) << dtype << " " << block << " " << i;
        EXPECT_GT(shared_quarter(expected, found), 0.9) << dtype << " " << block << " " << i;
      }
    }
  }
}

TEST(Fisher, GradientsBeyondFloat32AreSaidOfTheirLinear) {
  // The linears put out what they did before, of inputs whose squares are no floats.
  SmallContext small({"full"});
  const auto times = [](double factor) {
    return [factor](const at::Tensor& weight) { return weight * factor; };
  };
  const std::string block = "model.layers.1.";
  small.edit({{block + "input_layernorm.weight", times(1e28)},
              {block + "self_attn.q_proj.weight", times(1e-28)},
              {block + "self_attn.k_proj.weight", times(1e-28)},
              {block + "self_attn.v_proj.weight", times(1e-28)}});
  const BatchPlan plan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64);
  const std::string message =
      error_of(ErrorCode::Numeric, [&] { channel_fisher(*small.model, plan, small.memory); });
  EXPECT_NE(message.find(block + "self_attn."), std::string::npos) << message;
  EXPECT_NE(message.find("squared gradients"), std::string::npos) << message;
}

TEST(Fisher, AFileOfScoresThatAreNoNumbersIsDamaged) {
  const SmallContext small({"full"});
  const ModelConfig& config = small.model->config();
  ChannelFisher fisher(static_cast<size_t>(config.layers));
  for (size_t block = 0; block < fisher.size(); ++block) {
    for (const auto& linear : config.blocks[block].linears)
      fisher[block].push_back(at::ones({linear.in}));
  }
  const TemporaryFolder folder;
  save_fisher(folder.file("fisher"), fisher);
  EXPECT_EQ(load_fisher(folder.file("fisher"), config).size(), fisher.size());
  fisher[2][1][5] = std::numeric_limits<float>::quiet_NaN();
  save_fisher(folder.file("fisher"), fisher);
  EXPECT_NE(error_of(ErrorCode::Format, [&] { load_fisher(folder.file("fisher"), config); })
                .find("block.2.linear.1 holds NaN"),
            std::string::npos);
}

TEST(Grad, ScoresEqualAutograds) {
  Nano nano;
  ScoreContext context;
  context.model = nano.model.get();
  context.prompts = &nano.prompts;
  context.groups = calibration_groups(nano.prompts, {});
  context.memory = &nano.memory;
  context.stored_dtype = at::kFloat;
  for (auto& unit : make_units(nano.model->config(), true))
    context.units.push_back({unit, {"rtn:bits=3,group=128"}});
  const ScoreTable table = Registry<Scorer>::instance().make("grad:draws=0")->score(context);
  const double tokens = nano.golden.at("tokens");
  for (size_t u = 0; u < context.units.size(); ++u) {
    const Unit& unit = context.units[u].unit;
    const Json& units = nano.golden.at("grad").at("units").at(std::to_string(unit.block));
    const double expected =
        units.at(unit.name.substr(unit.name.rfind('.') + 1)).at("dot").get<double>() / tokens;
    EXPECT_NEAR(table.loss[u][0], expected, 1e-3 * expected) << unit.name;
  }
}

/// Sequences of one token: no token's change moves another one's output.
TEST(Grad, OfDrawsIsTheKlOfSmallChanges) {
  SmallContext small({"rtn:bits=5,group=4,sym", "rtn:bits=7,group=4,sym"});
  small.prompts.task.clear();
  small.prompts.text.clear();
  for (int32_t token = 1; token < 200; token += 3) small.prompts.task.push_back({{}, {token}});
  small.context.groups = calibration_groups(small.prompts, {});
  const auto& registry = Registry<Scorer>::instance();
  const ScoreTable exact = registry.make("taqo:text_weight=0")->score(small.context);
  const ScoreTable drawn = registry.make("grad:draws=200,text_weight=0")->score(small.context);
  for (size_t u = 0; u < exact.loss.size(); ++u) {
    EXPECT_NEAR(drawn.loss[u][0] / exact.loss[u][0], 1, 0.25) << small.context.units[u].unit.name;
    EXPECT_NEAR(drawn.loss[u][1] / exact.loss[u][1], 1, 0.15) << small.context.units[u].unit.name;
    EXPECT_GT(drawn.loss_stderr[u][1], 0);
  }
}

/// Of whole sequences, where tokens move one another, it orders units and widths as the KL does.
TEST(Grad, FollowsTheMeasuredKl) {
  SmallContext small(
      {"rtn:bits=3,group=4,sym", "rtn:bits=4,group=4,sym", "rtn:bits=6,group=4,sym"});
  const auto& registry = Registry<Scorer>::instance();
  const ScoreTable exact = registry.make("taqo")->score(small.context);
  const ScoreTable drawn = registry.make("grad:draws=8")->score(small.context);
  for (size_t u = 0; u < exact.loss.size(); ++u) {
    for (size_t c = 0; c < 3; ++c) {
      const double ratio = drawn.loss[u][c] / exact.loss[u][c];
      EXPECT_GT(ratio, 1 / 2.5) << small.context.units[u].unit.name << " " << c;
      EXPECT_LT(ratio, 2.5) << small.context.units[u].unit.name << " " << c;
    }
  }
  EXPECT_EQ(registry.make("grad:draws=8")->score(small.context).loss, drawn.loss);
}

}  // namespace
}  // namespace mpq
