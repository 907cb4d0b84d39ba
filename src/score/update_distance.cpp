// Blends the distances of task and text.
#include "mpq/score/update_distance.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace mpq {
namespace {

constexpr int64_t kLeastTokens = 4;  // of Cka

/// What a block adds: output minus input, float32, the given groups one below the other.
at::Tensor block_update(const Streams& input, const Streams& output,
                        const std::vector<size_t>& groups) {
  std::vector<at::Tensor> updates;
  for (const size_t g : groups)
    updates.push_back(output[g].to(at::kFloat) - input[g].to(at::kFloat));
  return at::cat(updates, 0);
}

/// 1 - CKA; debiasing can leave it a little below 0. Where a constant update has no CKA, being the
/// same is all there is. NaN and infinity stay: what is not a number is never the nearest.
double distance_of(double similarity, const at::Tensor& update, const at::Tensor& reference) {
  const double distance = 1 - similarity;
  if (std::isfinite(distance)) return distance > 0 ? distance : 0.0;
  const bool finite = at::isfinite(update).all().item<bool>();
  return finite && update.equal(reference) ? 0.0 : distance;
}

}  // namespace

UpdateDistance::UpdateDistance(const std::vector<SequenceGroup>& groups, double text_share,
                               const Streams& input, const Streams& output) {
  std::vector<size_t> all, task, text;
  int64_t task_rows = 0;
  int64_t text_rows = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    all.push_back(g);
    (groups[g].text ? text : task).push_back(g);
    (groups[g].text ? text_rows : task_rows) += groups[g].plan.rows();
  }
  if (std::min(task_rows, text_rows) < kLeastTokens) {
    add(all, 1, input, output);
    return;
  }
  if (text_share < 1) add(task, 1 - text_share, input, output);
  if (text_share > 0) add(text, text_share, input, output);
}

void UpdateDistance::add(std::vector<size_t> groups, double weight, const Streams& input,
                         const Streams& output) {
  const at::Tensor update = block_update(input, output, groups);
  kinds_.push_back({std::move(groups), weight, update, Cka(update)});
}

double UpdateDistance::cka(const Streams& input, const Streams& output) const {
  double sum = 0;
  for (const auto& kind : kinds_) {
    const at::Tensor update = block_update(input, output, kind.groups);
    sum += kind.weight * distance_of(kind.cka.debiased(update), update, kind.update);
  }
  return sum;
}

double UpdateDistance::squared_error(const Streams& input, const Streams& output) const {
  double sum = 0;
  for (const auto& kind : kinds_) {
    const at::Tensor update = block_update(input, output, kind.groups);
    const auto error = (update - kind.update).square().sum(at::kDouble).item<double>();
    if (error == 0) continue;  // also of a block that adds nothing
    sum += kind.weight * error / kind.update.square().sum(at::kDouble).item<double>();
  }
  return sum;
}

}  // namespace mpq
