// Losses of logits beside float64.
#include "mpq/model/logit_kernels.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <limits>

namespace mpq {
namespace {

TEST(LogitKernels, EqualFloat64) {
  const c10::NoGradGuard no_gradients;
  at::manual_seed(0);
  for (const double noise : {1e-3, 0.1, 5.0}) {
    const at::Tensor p = at::randn({9, 5003}) * 4, q = p + at::randn({9, 5003}) * noise + 7;
    const at::Tensor log_p = at::log_softmax(p.to(at::kDouble), -1);
    const at::Tensor log_q = at::log_softmax(q.to(at::kDouble), -1);
    const at::Tensor expected = (log_p.exp() * (log_p - log_q)).sum(-1);
    const at::Tensor found = kl_of_logits(p, q).to(at::kDouble);
    // Float32 exponentials: 1.4e-7 where there are no fused multiply-adds (ASan's build).
    EXPECT_TRUE(at::allclose(found, expected, 1e-3, 3e-7))
        << (found - expected).abs().max().item<double>();
    EXPECT_TRUE(at::allclose(log_sum_exps(q).to(at::kDouble),
                             at::logsumexp(q.to(at::kDouble), at::IntArrayRef{1}), 1e-6, 1e-6));
  }
}

TEST(LogitKernels, NothingIsLostAndNothingHidden) {
  const c10::NoGradGuard no_gradients;
  const at::Tensor p = at::randn({3, 100});
  EXPECT_LT(kl_of_logits(p, p).max().item<float>(), 1e-7F);
  at::Tensor odd = p.clone();
  odd[1][7] = std::numeric_limits<float>::quiet_NaN();
  odd[2][3] = std::numeric_limits<float>::infinity();
  const at::Tensor found = kl_of_logits(p, odd);
  EXPECT_TRUE(at::isfinite(found[0]).item<bool>());
  EXPECT_FALSE(at::isfinite(found[1]).item<bool>());
  EXPECT_FALSE(at::isfinite(found[2]).item<bool>());
}

}  // namespace
}  // namespace mpq
