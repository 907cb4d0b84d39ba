// The formulas at shapes of published models, as docs/performance.md prints them.
#include "mpq/pipeline/estimate.h"

#include <gtest/gtest.h>

namespace mpq {
namespace {

/// A llama of these shapes, calibrated on 65 536 tokens, scored by two draws at six widths.
RunSize llama(int64_t layers, int64_t hidden, int64_t intermediate, int64_t kv, int64_t vocab) {
  RunSize size;
  size.layers = layers;
  size.hidden = hidden;
  size.vocab = vocab;
  const int64_t out[] = {hidden + 2 * kv, hidden, 2 * intermediate, hidden};
  const int64_t in[] = {hidden, hidden, hidden, intermediate};
  for (int stage = 0; stage < 4; ++stage) {
    const auto inputs = static_cast<double>(in[stage]);
    size.block_weights += in[stage] * out[stage];
    size.linear_in += in[stage];
    size.linear_out += out[stage];
    size.in_squared += inputs * inputs;
    size.in_cubed += inputs * inputs * inputs;
  }
  size.block_products = size.largest_block = size.block_weights;
  size.largest_in = intermediate;
  size.hessians = intermediate * intermediate;
  size.task_tokens = 57344;
  size.text_tokens = 8192;
  size.held_out_tokens = 16384;
  size.probe_tokens = 5120;
  size.candidates = layers * 24;
  size.score_products = 20 * layers * size.block_weights * 8192;
  size.draws = 2;
  return size;
}

TEST(Estimate, GoldenOfTheMemoryFormula) {
  const auto gigabytes = [](const RunSize& size) {
    return static_cast<double>(peak_of(size).largest()) / 1e9;
  };
  EXPECT_NEAR(gigabytes(llama(32, 4096, 14336, 1024, 128256)), 21.32, 0.05);
  EXPECT_NEAR(gigabytes(llama(80, 8192, 28672, 1024, 128256)), 60.51, 0.05);
  EXPECT_NEAR(gigabytes(llama(126, 16384, 53248, 1024, 128256)), 179.23, 0.05);
}

TEST(Estimate, WorkGrowsLinearlyWithDepth) {
  const RunWork shallow = work_of(llama(16, 2048, 8192, 512, 32000));
  const RunWork deep = work_of(llama(32, 2048, 8192, 512, 32000));
  EXPECT_LT(deep.score.products, 2.01 * shallow.score.products);
  EXPECT_LT(deep.score.wide, 2.01 * shallow.score.wide);
  EXPECT_NEAR(deep.quantize.products / shallow.quantize.products, 2, 1e-9);
  EXPECT_NEAR(deep.quantize.elements / shallow.quantize.elements, 2, 1e-9);
}

}  // namespace
}  // namespace mpq
