// Products of bfloat16 rows against float64, with the processor's own instructions where it has
// them.
#include "src/calib/bf16_products.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace mpq {
namespace {

TEST(Bf16Products, EqualFloat64WhateverTheSizes) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  for (const auto& [rows, out, in] :
       {std::tuple{1, 1, 1}, {2, 48, 48}, {33, 7, 100}, {1500, 100, 49}, {2049, 97, 150}}) {
    at::manual_seed(rows);
    const at::Tensor left = at::randn({rows, out}).to(at::kBFloat16);
    const at::Tensor right = at::randn({rows, in + 3}).to(at::kBFloat16).narrow(1, 1, in);
    at::Tensor sum = at::ones({out, in}), gram = at::zeros({in, in});
    add_bf16_product(left, right, sum);
    add_bf16_gram(right, gram);
    const at::Tensor wide = right.to(at::kDouble);
    const at::Tensor expected = at::mm(left.to(at::kDouble).t(), wide) + 1;
    EXPECT_LT((sum - expected).abs().max().item<double>(), 1e-3) << rows;
    const at::Tensor upper = at::triu(at::mm(wide.t(), wide));
    EXPECT_LT((at::triu(gram) - upper).abs().max().item<double>(), 1e-3) << rows;
  }
}

}  // namespace
}  // namespace mpq
