// MKL's bfloat16 GEMM, reached through the copy that libtorch carries.
#include "bf16_product.h"

#include <ATen/ATen.h>

// Not in any libtorch header. Weak: a libtorch without MKL (ARM, a distribution's own) has no such
// symbol.
extern "C" __attribute__((weak)) void cblas_gemm_bf16bf16f32(int layout, int transpose_a,
                                                             int transpose_b, int m, int n, int k,
                                                             float alpha, const uint16_t* a,
                                                             int lda, const uint16_t* b, int ldb,
                                                             float beta, float* c, int ldc);

namespace mpq {

bool has_bf16_product() {
#if defined(__x86_64__)
  static const bool available =
      cblas_gemm_bf16bf16f32 != nullptr && __builtin_cpu_supports("avx512bf16") != 0;
  return available;
#else
  return false;
#endif
}

void add_transposed_product(const at::Tensor& a, const at::Tensor& b, at::Tensor& sum) {
  constexpr int kRowMajor = 101;
  constexpr int kNoTranspose = 111;
  constexpr int kTranspose = 112;
  const auto data = [](const at::Tensor& x) {
    return reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
  };
  const auto stride = [](const at::Tensor& x) { return static_cast<int>(x.stride(0)); };
  cblas_gemm_bf16bf16f32(kRowMajor, kTranspose, kNoTranspose, static_cast<int>(a.size(1)),
                         static_cast<int>(b.size(1)), static_cast<int>(a.size(0)), 1.0F, data(a),
                         stride(a), data(b), stride(b), 1.0F, sum.data_ptr<float>(), stride(sum));
}

}  // namespace mpq
