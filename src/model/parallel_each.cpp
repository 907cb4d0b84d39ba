// Threads take the next task when they are done with one: tasks differ in size.
#include "mpq/model/parallel_each.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <atomic>

namespace mpq {

void parallel_each(int64_t count, bool apart, const std::function<void(int64_t)>& visit) {
  const int64_t threads = at::get_num_threads();
  if (!apart || count < threads || c10::GradMode::is_enabled()) {
    for (int64_t i = 0; i < count; ++i) visit(i);
    return;
  }
  std::atomic<int64_t> next{0};
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    const c10::NoGradGuard no_gradients;  // other threads have a mode of their own
    for (int64_t i = next++; i < count; i = next++) visit(i);
  });
}

}  // namespace mpq
