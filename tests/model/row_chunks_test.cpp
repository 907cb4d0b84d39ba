// Work that is cut for threads and caches: what it makes is what one piece makes.
#include "mpq/model/row_chunks.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "mpq/model/parallel_each.h"

namespace mpq {
namespace {

TEST(RowChunks, AreTheWholeAndOnlyWithoutGradients) {
  const at::Tensor x = at::randn({200, 7});
  int calls = 0;
  const auto doubled = [&](int64_t first, int64_t count) {
    ++calls;
    return x.narrow(0, first, count) * 2;
  };
  EXPECT_TRUE(at::equal(by_row_chunks(200, 7, x.options(), doubled), x * 2));
  EXPECT_EQ(calls, 1);
  const c10::NoGradGuard no_gradients;
  std::atomic<int64_t> rows{0};
  const auto chunk = [&](int64_t first, int64_t count) {
    EXPECT_FALSE(c10::GradMode::is_enabled());
    rows += count;
    return x.narrow(0, first, count) * 2;
  };
  const auto narrow = x.options().dtype(at::kBFloat16);
  EXPECT_TRUE(at::equal(by_row_chunks(200, 7, narrow, chunk), (x * 2).to(at::kBFloat16)));
  EXPECT_EQ(rows, 200);
  EXPECT_EQ(by_row_chunks(0, 7, narrow, chunk).sizes(), at::IntArrayRef({0, 7}));
}

TEST(ParallelEach, VisitsEachOnceAndPassesErrorsOn) {
  const c10::NoGradGuard no_gradients;
  std::vector<std::atomic<int>> visits(37);
  parallel_each(37, /*apart=*/true, [&](int64_t i) { ++visits[static_cast<size_t>(i)]; });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
  const auto fails = [](int64_t i) {
    if (i == 5) throw std::runtime_error("five");
  };
  EXPECT_THROW(parallel_each(37, /*apart=*/true, fails), std::runtime_error);
  std::vector<int64_t> order;
  parallel_each(3, /*apart=*/false, [&](int64_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2}));
}

}  // namespace
}  // namespace mpq
