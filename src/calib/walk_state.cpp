// One safetensors file with a tensor a group.
#include "mpq/calib/walk_state.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace {

std::string tensor_name(size_t group) { return fmt::format("hidden.{}", group); }

}  // namespace

int64_t WalkState::restore(const ModelConfig& config, const std::vector<int64_t>& rows,
                           GroupHidden& hidden, MemoryBudget& memory) const {
  if (path_.empty() || !std::filesystem::exists(path_)) return 0;
  const SafetensorsFile file(path_);
  const at::Tensor done = file.tensor("done");
  bool fits = file.tensors().size() == rows.size() + 1 && done.scalar_type() == at::kLong &&
              done.numel() == 1;
  fits = fits && done.item<int64_t>() > 0 && done.item<int64_t>() <= config.layers;
  GroupHidden restored;
  for (size_t g = 0; fits && g < rows.size(); ++g) {
    const at::Tensor kept = file.tensor(tensor_name(g));
    fits = kept.sizes() == at::IntArrayRef({rows[g], config.hidden}) &&
           at::isFloatingType(kept.scalar_type());
    if (!fits) break;
    restored.push_back(memory.allocate(kept.size(0), kept.size(1), kept.scalar_type()));
    restored.back().copy_(kept);
  }
  require(fits, ErrorCode::Format, "{}: does not fit these prompts; delete the file", path_);
  hidden = std::move(restored);
  log_info("goes on after {} finished blocks", done.item<int64_t>());
  return done.item<int64_t>();
}

void WalkState::keep(int64_t done, const GroupHidden& hidden) const {
  if (path_.empty()) return;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  std::map<std::string, at::Tensor> tensors{{"done", at::tensor({done}, at::kLong)}};
  for (size_t g = 0; g < hidden.size(); ++g) tensors[tensor_name(g)] = hidden[g];
  save_tensors(path_, tensors);
}

void WalkState::clear() const {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove(path_, ignored);
}

std::vector<int64_t> rows_of(const std::vector<SequenceGroup>& groups) {
  std::vector<int64_t> rows;
  rows.reserve(groups.size());
  for (const auto& group : groups) rows.push_back(group.plan.rows());
  return rows;
}

}  // namespace mpq
