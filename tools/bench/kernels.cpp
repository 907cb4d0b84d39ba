// GPTQ of one matrix and Hessian accumulation, as fractions of this machine's float32 GEMM rate
// measured in the same run.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>

#include <chrono>

#include "mpq/calib/hessian_accumulator.h"
#include "mpq/quant/quantizer.h"

namespace {

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Best of three products of two [n, n] matrices, in FLOP/s.
double gemm_rate(int64_t n, at::ScalarType dtype) {
  const auto a = at::randn({n, n}, at::kFloat).to(dtype);
  const auto b = at::randn({n, n}, at::kFloat).to(dtype);
  double best = 1e30;
  for (int i = 0; i < 4; ++i) best = std::min(best, seconds([&] { at::mm(a, b); }));
  return 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / best;
}

void report(benchmark::State& state, double flops, double rate, double elapsed) {
  const double iterations = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = flops * iterations / elapsed / 1e9;
  state.counters["GEMM_GFLOP/s"] = rate / 1e9;
  state.counters["of_GEMM"] = flops * iterations / elapsed / rate;
}

void gptq(benchmark::State& state) {
  const int64_t n = state.range(0);
  const auto weight = at::randn({n, n}, at::kFloat);
  const auto x = at::randn({2 * n, n}, at::kFloat);
  const auto matrix = at::mm(x.t(), x) / static_cast<double>(n);
  const auto quantizer = mpq::Registry<mpq::Quantizer>::instance().make(
      "gptq:bits=4,group=128,refine=" + std::to_string(state.range(1)));
  const double rate = gemm_rate(n, at::kFloat);
  double elapsed = 0;
  for (auto _ : state) {
    elapsed += seconds([&] {
      const mpq::QuantProblem problem{"w", weight, std::make_shared<mpq::Hessian>(matrix),
                                      at::kBFloat16};
      benchmark::DoNotOptimize(quantizer->quantize(problem));
    });
  }
  // n^3 for the lazy updates (half of a product), 2/3 n^3 for the factor and its inverse;
  // refinement adds n^3 + 2 n^3 a round.
  const double cube = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  report(state, cube * (1 + 2.0 / 3 + 3.0 * static_cast<double>(state.range(1))), rate, elapsed);
}

void hessian(benchmark::State& state) {
  const int64_t n = state.range(0);
  const int64_t rows = 8192;
  const auto dtype = state.range(1) == 0 ? at::kFloat : at::kBFloat16;
  const auto x = at::randn({rows, n}, at::kFloat).to(dtype);
  const double rate = gemm_rate(n, at::kFloat);
  double elapsed = 0;
  for (auto _ : state) {
    elapsed += seconds([&] {
      mpq::HessianAccumulator sum(n);
      sum.add(x);
      benchmark::DoNotOptimize(sum.mean());
    });
  }
  // The product's size; symmetry lets it be done in half.
  report(state, 2.0 * static_cast<double>(rows) * static_cast<double>(n) * static_cast<double>(n),
         rate, elapsed);
}

}  // namespace

BENCHMARK(gptq)->Args({1024, 0})->Args({4096, 0})->Args({4096, 2})->Unit(benchmark::kMillisecond);
BENCHMARK(hessian)->Args({1024, 0})->Args({4096, 0})->Args({4096, 1})->Unit(
    benchmark::kMillisecond);

int main(int argc, char** argv) {
  const at::NoGradGuard no_gradients;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
