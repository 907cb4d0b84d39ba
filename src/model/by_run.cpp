// The loop over a batch's runs.
#include "mpq/model/by_run.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/model/parallel_each.h"

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
  parallel_each(static_cast<int64_t>(runs.size()), /*apart=*/true, [&](int64_t index) {
    const auto i = static_cast<size_t>(index);
    outputs[i] = visit(runs[i], first_rows[i]);
  });
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 0);
}

}  // namespace mpq
