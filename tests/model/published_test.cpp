// Configurations of published models, and one index, as they are (tests/golden/published).
#include <gtest/gtest.h>

#include "mpq/core/json_file.h"
#include "mpq/model/architecture.h"
#include "mpq/model/expert_source.h"
#include "mpq/model/model.h"
#include "mpq/model/outline_source.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

std::string folder_of(const std::string& name) {
  return source_path("tests/golden/published/" + name);
}

int64_t weights_of(const std::string& folder) {
  const auto source = open_outline(folder);
  int64_t total = 0;
  for (const auto& name : source->names()) {
    int64_t size = 1;
    for (const int64_t dim : source->shape(name)) size *= dim;
    total += size;
  }
  return total;
}

struct Published {
  const char* name;
  int64_t weights;  // as the model's page or index has it; 0: not known without its images' part
  int64_t linears;  // in the blocks
};

class PublishedModels : public testing::TestWithParam<Published> {};

TEST_P(PublishedModels, AreReadWhole) {
  const auto& [name, weights, linears] = GetParam();
  const Model model(folder_of(name), open_outline(folder_of(name)), {.outline = true});
  int64_t count = 0;
  for (const auto& block : model.config().blocks)
    count += static_cast<int64_t>(block.linears.size());
  EXPECT_EQ(count, linears);
  if (weights > 0) {
    EXPECT_EQ(weights_of(folder_of(name)), weights);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PublishedModels,
    testing::Values(Published{"Qwen3-8B", 8'190'735'360, 36 * 7},
                    Published{"Qwen3-30B-A3B", 30'532'122'624, 48 * (4 + 3 * 128)},
                    Published{"Mixtral-8x7B-v0.1", 46'702'792'704, 32 * (4 + 3 * 8)},
                    Published{"gpt-oss-20b", 20'914'757'184, 24 * (4 + 3 * 32)},
                    Published{"OLMo-2-1124-7B-Instruct", 7'298'617'344, 32 * 7},
                    Published{"SmolLM3-3B", 3'075'098'624, 36 * 7},
                    Published{"granite-3.3-8b-instruct", 8'170'864'640, 40 * 7},
                    Published{"Qwen3.5-2B-finetune", 1'881'825'088, 6 * 7 + 18 * 6},
                    Published{"Qwen3.5-27B", 0, 16 * 7 + 48 * 6},
                    Published{"Qwen3.5-35B-A3B", 0, 10 * 4 + 30 * 3 + 40 * 3 * 257},
                    Published{"Qwen3-Next-80B-A3B-Thinking", 0, 12 * 4 + 36 * 2 + 48 * 3 * 513},
                    Published{"GLM-4.5-Air", 0, 46 * 4 + 3 + 45 * 3 * 129},
                    Published{"DeepSeek-V3", 671'026'419'200, 61 * 3 + 3 * 3 + 58 * 3 * 257},
                    Published{"Kimi-K2-Instruct", 1'026'408'232'448, 61 * 3 + 3 + 60 * 3 * 385},
                    Published{"gemma-4-26B-A4B", 25'233'141'790, 25 * 4 + 5 * 3 + 30 * 3 * 129},
                    Published{"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31'577'940'288,
                              23 * 2 + 6 * 4 + 23 * 2 * 129},
                    Published{"Gemma-4-31B-IT-NVFP4", 30'697'345'340, 50 * 7 + 10 * 6}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });

}  // namespace
}  // namespace mpq
