// What of a plan a target cannot run.
#include "mpq/pipeline/targets.h"

#include <gmock/gmock.h>

#include "mpq/io/weight_source.h"
#include "mpq/model/model.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TargetFaults : public testing::Test {
 protected:
  /// Of a plan whose first unit has a spec of its own.
  std::vector<std::string> faults(const Target& target, const std::string& first,
                                  const std::string& others) const {
    Plan plan;
    for (const auto& unit : make_units(model_.config(), true))
      plan.units.push_back(
          {unit.name, unit_modules(model_.config(), unit), plan.units.empty() ? first : others});
    return target_faults(target, plan, model_);
  }

  const std::string folder_ = source_path("tests/golden/architectures/stories260K");
  const Model model_{folder_, open_safetensors_folder(folder_), {.dtype = "float32"}};
};

TEST_F(TargetFaults, APlanThatFitsHasNone) {
  EXPECT_THAT(faults(target_named("vllm"), "rtn:bits=4,group=32", "gptq:bits=3,group=0"),
              IsEmpty());
}

TEST_F(TargetFaults, HybridsAreOfTheNativeFormatAlone) {
  const std::string hybrid = "hir:bits=2,high=4,group=32";
  EXPECT_THAT(faults(target_named("vllm"), hybrid, "rtn:bits=4,group=0"),
              ElementsAre("model.layers.0.qkv: vllm has no kernels for two widths in one linear"));
  EXPECT_THAT(faults(target_named("mpq"), hybrid, "rtn:bits=4,group=0"), IsEmpty());
}

TEST_F(TargetFaults, BothWidthsOfAHybridNeedKernels) {
  Target narrow = target_named("mpq");
  narrow.also.clear();
  narrow.palette = {"2", "16"};
  EXPECT_THAT(faults(narrow, "hir:bits=2,high=4,group=32", "full"),
              ElementsAre("model.layers.0.qkv: mpq has no 4-bit kernels"));
  narrow.palette = {"4", "16"};
  EXPECT_THAT(faults(narrow, "hir:bits=2,high=4,group=32", "full"),
              ElementsAre("model.layers.0.qkv: mpq has no 2-bit kernels"));
}

}  // namespace
}  // namespace mpq
