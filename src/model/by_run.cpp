// The loop over a batch's runs.
#include "mpq/model/by_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <atomic>

#include "mpq/core/error.h"

namespace mpq {

at::Tensor by_run(
    const std::vector<SequenceRun>& runs, const KvCache* cache,
    const std::function<at::Tensor(const SequenceRun& run, int64_t first_row)>& visit) {
  require(cache == nullptr || runs.size() == 1, ErrorCode::Internal,
          "a key-value cache serves one run of equal-length sequences");
  std::vector<int64_t> first_rows{0};
  for (const SequenceRun& run : runs)
    first_rows.push_back(first_rows.back() + run.count * run.length);
  std::vector<at::Tensor> outputs(runs.size());
  std::atomic<size_t> next{0};
  const auto visit_rest = [&](int64_t, int64_t) {
    for (size_t i = next++; i < runs.size(); i = next++) outputs[i] = visit(runs[i], first_rows[i]);
  };
  const int64_t threads = at::get_num_threads();
  if (c10::GradMode::is_enabled() || static_cast<int64_t>(runs.size()) < threads) {
    visit_rest(0, 1);
  } else {  // short runs would keep all threads waiting for one another
    at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
      const c10::NoGradGuard no_gradients;  // other threads have a mode of their own
      visit_rest(begin, end);
    });
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 0);
}

}  // namespace mpq
