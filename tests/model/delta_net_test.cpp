// Chunks against one token at a time, over more than a chunk.
#include "mpq/model/delta_net.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/io/weight_source.h"
#include "mpq/model/model.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

class DeltaNets : public testing::TestWithParam<const char*> {
 protected:
  std::string source_ = source_path(std::string("tests/golden/architectures/") + GetParam());
  Model model_{source_, open_safetensors_folder(source_), {.dtype = "float64"}};
  DecoderBlock block_ = model_.load_block(0);
};

TEST_P(DeltaNets, ChunksAreOneTokenAfterTheOther) {
  at::manual_seed(1);
  const int64_t count = 2, length = 150;  // beyond two chunks of 64
  const at::Tensor hidden = at::randn({count * length, model_.config().hidden}, at::kDouble);
  const at::Tensor whole = forward_block(block_, {{count, length}}, hidden);
  KvCache cache = empty_cache(*block_.config, count, length, hidden.options());
  const at::Tensor by_time = hidden.view({count, length, -1});
  std::vector<at::Tensor> steps;
  for (int64_t first = 0; first < length;) {
    const int64_t taken = first == 0 ? 70 : 1;
    const at::Tensor rows = by_time.narrow(1, first, taken).reshape({count * taken, -1});
    steps.push_back(forward_block(block_, {{count, taken}}, rows, &cache).view({count, taken, -1}));
    first += taken;
  }
  const at::Tensor stepped = at::cat(steps, 1).view({count * length, -1});
  // The state between steps is kept in float32.
  EXPECT_LT((stepped - whole).abs().max().item<double>(), 1e-5 * whole.abs().max().item<double>());
}

TEST_P(DeltaNets, SequencesOfOneBatchDoNotSeeOneAnother) {
  at::manual_seed(2);
  const at::Tensor hidden = at::randn({30 + 45, model_.config().hidden}, at::kDouble);
  const at::Tensor both = forward_block(block_, {{1, 30}, {1, 45}}, hidden);
  const at::Tensor second = forward_block(block_, {{1, 45}}, hidden.narrow(0, 30, 45));
  EXPECT_TRUE(at::allclose(both.narrow(0, 30, 45), second));
}

INSTANTIATE_TEST_SUITE_P(Families, DeltaNets,
                         testing::Values("qwen3_next", "qwen3_5_text", "lfm2"));

}  // namespace
}  // namespace mpq
