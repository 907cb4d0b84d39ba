// The loop over a batch's runs.
#include "mpq/model/by_run.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {

at::Tensor by_run(
    const std::vector<SequenceRun>& runs, const KvCache* cache,
    const std::function<at::Tensor(const SequenceRun& run, int64_t first_row)>& visit) {
  require(cache == nullptr || runs.size() == 1, ErrorCode::Internal,
          "a key-value cache serves one run of equal-length sequences");
  std::vector<at::Tensor> outputs;
  int64_t row = 0;
  for (const SequenceRun& run : runs) {
    outputs.push_back(visit(run, row));
    row += run.count * run.length;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 0);
}

}  // namespace mpq
