// Kimi K2 is published with code of its own, so that transformers has no class of its name.
#include <gtest/gtest.h>

#include "mpq/model/architecture.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

TEST(KimiK2, IsDeepseekV3) {
  const Json config =
      read_json_file(source_path("tests/golden/architectures/deepseek_v3/config.json"));
  const ModelConfig own = configure_whole("kimi_k2", config, ""),
                    other = configure_whole("deepseek_v3", config, "");
  EXPECT_EQ(own.quantizable_weights(), other.quantizable_weights());
  EXPECT_EQ(own.block(1).router.groups, other.block(1).router.groups);
}

}  // namespace
}  // namespace mpq
