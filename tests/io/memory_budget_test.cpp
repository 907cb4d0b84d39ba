// What stays in memory never passes the limit, from many threads and at the end of tensors' lives.
#include "mpq/io/memory_budget.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <optional>
#include <thread>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::HasSubstr;

TEST(MemoryBudget, TheLimitItselfFits) {
  const TemporaryFolder place;
  MemoryBudget memory(400, place.path());
  {
    const auto whole = memory.allocate(10, 20, at::kHalf);
    EXPECT_EQ(whole.sizes(), at::IntArrayRef({10, 20}));
    EXPECT_EQ(whole.scalar_type(), at::kHalf);
    EXPECT_EQ(memory.in_memory_bytes(), 400);
    const auto next = memory.allocate(1, 1, at::kByte);
    EXPECT_EQ(memory.scratch_bytes(), 1);
  }
  EXPECT_EQ(memory.in_memory_bytes(), 0);
  EXPECT_EQ(memory.scratch_bytes(), 0);
}

TEST(MemoryBudget, BytesAreHeldUntilTheLastView) {
  MemoryBudget memory(-1, "/nowhere");
  at::Tensor view = memory.allocate(100, 10, at::kFloat).narrow(0, 3, 2);
  EXPECT_EQ(memory.in_memory_bytes(), 4000);
  view.fill_(2);
  EXPECT_EQ(view.sum().item<float>(), 40);
  view = at::Tensor();
  EXPECT_EQ(memory.in_memory_bytes(), 0);
}

TEST(MemoryBudget, TensorsOutliveTheBudget) {
  const TemporaryFolder place;
  std::optional<MemoryBudget> memory(std::in_place, 400, place.path());
  const auto kept = memory->allocate(10, 10, at::kFloat);
  const auto mapped = memory->allocate(10, 10, at::kFloat);
  EXPECT_EQ(memory->scratch_bytes(), 400);
  memory.reset();
  kept.fill_(1);
  mapped.copy_(kept);
  EXPECT_EQ(mapped.sum().item<float>(), 100);
}

TEST(MemoryBudget, EmptyTensorsTakeNothing) {
  MemoryBudget memory(0, "/nowhere");
  EXPECT_EQ(memory.allocate(0, 10, at::kFloat).sizes(), at::IntArrayRef({0, 10}));
  EXPECT_EQ(memory.in_memory_bytes(), 0);
}

TEST(MemoryBudget, WhatCannotBeHadIsAnErrorAndTakesNothing) {
  const TemporaryFolder place;
  MemoryBudget none(0, place.file("missing"));
  EXPECT_THAT(error_of(ErrorCode::Io, [&] { none.allocate(1, 1, at::kFloat); }),
              HasSubstr(place.file("missing") + ": no scratch file can be made there"));
  EXPECT_EQ(none.scratch_bytes(), 0);
  MemoryBudget sized(10, place.path());
  error_of(ErrorCode::Internal, [&] { sized.allocate(-1, 1, at::kFloat); });
  error_of(ErrorCode::Internal,
           [&] { sized.allocate(int64_t{1} << 40, int64_t{1} << 40, at::kFloat); });
  EXPECT_EQ(sized.in_memory_bytes(), 0);
}

TEST(MemoryBudget, ThreadsNeverPassTheLimitTogether) {
  const TemporaryFolder place;
  constexpr int64_t kLimit = 4000;
  MemoryBudget memory(kLimit, place.path());
  std::atomic<bool> within{true};
  std::atomic<int> spilled{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      std::vector<at::Tensor> held(4);
      for (int round = 0; round < 500; ++round) {
        auto& slot = held[static_cast<size_t>(round) % held.size()];
        slot = memory.allocate(1 + (round + thread) % 7, 100, at::kFloat);
        slot.fill_(thread);
        if (memory.in_memory_bytes() > kLimit) within = false;
        if (memory.scratch_bytes() > 0) ++spilled;
      }
      for (const auto& tensor : held) {
        if (!tensor.eq(thread).all().item<bool>()) within = false;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(within);
  EXPECT_GT(spilled, 0);
  EXPECT_EQ(memory.in_memory_bytes(), 0);
  EXPECT_EQ(memory.scratch_bytes(), 0);
  EXPECT_TRUE(place.empty());
}

}  // namespace
}  // namespace mpq
