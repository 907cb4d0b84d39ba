// CKA against tools/golden/make_cka.py, and the scorer.
#include "mpq/score/cka.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "tests/score/small_context.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

TEST(Cka, EqualsTheReferenceToOneInABillion) {
  const std::string folder = source_path("tests/golden/cka/");
  const Json cases = read_json_file(folder + "cases.json");
  ASSERT_GE(cases.size(), 8U);
  for (const auto& entry : cases) {
    const auto name = entry.at("name").get<std::string>();
    const SafetensorsFile file(folder + name + ".safetensors");
    const Cka reference(file.tensor("X"));
    EXPECT_NEAR(reference.biased(file.tensor("Y")), entry.at("biased"), 1e-9) << name;
    EXPECT_NEAR(reference.debiased(file.tensor("Y")), entry.at("debiased"), 1e-9) << name;
  }
}

TEST(Cka, FourTokensAreTheLeast) {
  try {
    Cka(at::randn({3, 8}));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
  }
}

TEST(CkaScorer, FallsWithTheWidth) {
  const SmallContext small({"rtn:bits=2,group=4", "rtn:bits=6,group=4", "full"});
  const ScoreTable table = Registry<Scorer>::instance().make("cka")->score(small.context);
  for (const auto& loss : table.loss) {
    EXPECT_GT(loss[0], loss[1]);
    EXPECT_GT(loss[1], 0);
    EXPECT_EQ(loss[2], 0);
  }
}

}  // namespace
}  // namespace mpq
