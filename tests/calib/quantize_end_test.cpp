// What the head reads.
#include "mpq/calib/quantize_end.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "mpq/io/weight_source.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

TEST(HeadHessian, NotANumberIsSaid) {
  const std::string folder = source_path("tests/golden/architectures/stories260K");
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const std::vector<SequenceGroup> groups{{BatchPlan({{1, 5, 9}, {1, 7}}, 64), false}};
  const at::Tensor output = at::rand({5, model.config().hidden});
  EXPECT_TRUE(at::isfinite(head_hessian(model, groups, {output})->matrix()).all().item<bool>());
  output[3][2] = std::numeric_limits<float>::quiet_NaN();
  const std::string message =
      error_of(ErrorCode::Numeric, [&] { head_hessian(model, groups, {output}); });
  EXPECT_NE(message.find("head: its inputs"), std::string::npos) << message;
}

}  // namespace
}  // namespace mpq
