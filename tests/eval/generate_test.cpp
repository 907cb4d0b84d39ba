// Batched, cached generation against forward passes without a cache.
#include "mpq/eval/generate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "mpq/core/error.h"
#include "tests/eval/models.h"
#include "tests/support/edited_source.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

/// Lengths 3, 9, 3, 5, 4, 7 in this order, ids below 90.
std::vector<TokenSequence> mixed_prompts() {
  std::vector<TokenSequence> prompts;
  int32_t id = 1;
  for (const int length : {3, 9, 3, 5, 4, 7}) {
    prompts.emplace_back();
    for (int i = 0; i < length; ++i) prompts.back().push_back(id = (id * 31 + 17) % 89 + 1);
  }
  return prompts;
}

class GenerateGreedy : public testing::TestWithParam<std::string> {};

TEST_P(GenerateGreedy, EqualsArgmaxWithoutACache) {
  const Model model = open_float32(GetParam());
  const auto prompts = mixed_prompts();
  constexpr int64_t kNew = 6;
  std::vector<TokenSequence> expected;
  for (const auto& prompt : prompts) expected.push_back(greedy_without_cache(model, prompt, kNew));
  for (const int64_t batch : {1, 2, 64})
    EXPECT_EQ(generate_greedy(model, prompts, {.max_new_tokens = kNew, .batch_sequences = batch}),
              expected)
        << "batches of " << batch;
  // Blocks that are too large to stay are read for every step.
  EXPECT_EQ(generate_greedy(model, prompts, {.max_new_tokens = kNew, .resident_bytes = 0}),
            expected);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GenerateGreedy,
                         testing::Values("data/nano-llama",
                                         "tests/golden/architectures/llama_dynamic",
                                         "tests/golden/architectures/mistral_window",
                                         "tests/golden/architectures/qwen3_yarn",
                                         "tests/golden/architectures/phi3_longrope_long",
                                         "tests/golden/architectures/gemma2"),
                         [](const auto& info) {
                           std::string name = info.param.substr(info.param.rfind('/') + 1);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(GenerateSlices, LongBatchesArePrefilledInSlices) {
  const Model model = open_float32("tests/golden/architectures/llama_default");
  // 64 prompts of 80 tokens: more rows than pass through a block at once.
  std::vector<TokenSequence> prompts(64);
  int32_t id = 1;
  for (auto& prompt : prompts) {
    for (int i = 0; i < 80; ++i) prompt.push_back(id = (id * 37 + 11) % 97);
  }
  const auto together = generate_greedy(model, prompts, {.max_new_tokens = 3});
  EXPECT_EQ(together, generate_greedy(model, prompts, {.max_new_tokens = 3, .batch_sequences = 5}));
  for (const size_t i : {0U, 50U, 52U, 63U})
    EXPECT_EQ(together[i], greedy_without_cache(model, prompts[i], 3)) << i;
}

TEST(GenerateStops, AtStopTokensAndByTheCallback) {
  const Model model = open_float32("data/nano-llama");
  const auto prompts = mixed_prompts();
  constexpr int64_t kNew = 12;
  const auto free = generate_greedy(model, prompts, {.max_new_tokens = kNew});
  // The third new token of the first prompt ends every sequence, and is not part of it.
  const int32_t stop = free[0][2];
  const auto stopped =
      generate_greedy(model, prompts, {.max_new_tokens = kNew, .stop_tokens = {stop}});
  // By the callback, sequences end at lengths that differ by prompt, and keep their last token.
  const auto ends = [](const TokenSequence& tokens) { return tokens.back() % 3 == 0; };
  const auto called = generate_greedy(model, prompts, {.max_new_tokens = kNew, .stop = ends});
  std::vector<size_t> lengths;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto& all = free[i];
    EXPECT_EQ(stopped[i], TokenSequence(all.begin(), std::find(all.begin(), all.end(), stop)));
    const auto end =
        std::find_if(all.begin(), all.end(), [](int32_t token) { return token % 3 == 0; });
    EXPECT_EQ(called[i], TokenSequence(all.begin(), end == all.end() ? end : end + 1));
    lengths.push_back(called[i].size());
  }
  EXPECT_NE(*std::min_element(lengths.begin(), lengths.end()),
            *std::max_element(lengths.begin(), lengths.end()));
}

/// Its argmax would be some token all the same.
TEST(GenerateStops, NothingIsGeneratedFromWhatIsNotANumber) {
  const std::string folder = source_path("data/nano-llama");
  const auto too_large = [](const at::Tensor& weight) { return weight * 1e30; };
  const Model model(
      folder,
      std::make_unique<EditedSource>(
          folder, Edits{{"model.layers.2.post_attention_layernorm.weight", too_large}}),
      {.dtype = "float32"});
  const std::string message = error_of(ErrorCode::Numeric, [&] {
    generate_greedy(model, {{1, 2, 3}}, {.max_new_tokens = 2});
  });
  EXPECT_NE(message.find("expected finite logits"), std::string::npos) << message;
}

TEST(GenerateStops, NothingToGenerate) {
  const Model model = open_float32("data/nano-llama");
  EXPECT_TRUE(generate_greedy(model, {}, {}).empty());
  const auto none = generate_greedy(model, {{1, 2}}, {.max_new_tokens = 0});
  ASSERT_EQ(none.size(), 1U);
  EXPECT_TRUE(none[0].empty());
  EXPECT_THROW(generate_greedy(model, {{1}, {}}, {}), Error);
}

}  // namespace
}  // namespace mpq
