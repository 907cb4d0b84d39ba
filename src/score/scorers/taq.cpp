// TAQ: information and stability of each block's output ("You Had One Job", arXiv 2511.06516;
// methods.md, 1.1).
#include <ATen/ATen.h>

#include <cmath>

#include "mpq/core/error.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// The z-scores of all blocks would hide in which one it was.
void check_statistics(const BlockStatistics& block, size_t index) {
  const bool finite = std::isfinite(block.variance) && std::isfinite(block.mean_abs) &&
                      at::isfinite(block.reservoir).all().item<bool>();
  require(finite, ErrorCode::Numeric,
          "taq: the statistics of block {} hold NaN or infinity; calibrate again with --dtype "
          "float32, or check the checkpoint's weights",
          index);
}

/// -sum p log p over the normalised eigenvalues of the centred reservoir's Gram matrix, in float64.
double information(const at::Tensor& reservoir) {
  const auto rows = reservoir.to(at::kDouble);
  const auto centred = rows - rows.mean(0, true);
  const auto eigenvalues =
      at::linalg_eigvalsh(at::mm(centred, centred.t()) / static_cast<double>(rows.size(0)))
          .clamp_min(0);
  const double total = eigenvalues.sum().item<double>();
  if (total <= 0) return 0;
  const auto p = eigenvalues / total;
  return -at::xlogy(p, p).sum().item<double>();
}

/// z-scores with the sample standard deviation; zeros when all are alike.
std::vector<double> z_scores(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / n;
  double square = 0;
  for (const double value : values) square += (value - mean) * (value - mean);
  const double deviation = values.size() > 1 ? std::sqrt(square / (n - 1)) : 0;
  std::vector<double> result;
  for (const double value : values)
    result.push_back(deviation > 0 ? (value - mean) / deviation : 0);
  return result;
}

class Taq final : public Scorer {
 public:
  struct Options {
    double information = 0.5;
    double stability = 0.5;
    bool normalized = false;
    template <class Field>
    void visit(Field&& field) {
      field("information", information, "weight of the z-scored spectral entropy");
      field("stability", stability, "weight of the z-scored negative variance");
      field("normalized", normalized,
            "scale-free stability -Var / (E|h|)^2 instead of the paper's -Var");
    }
  };

  explicit Taq(const Options& options) : options_(options) {}

  bool measures_loss() const override { return false; }
  ScoreCost cost(const ScoreContext&) const override { return {}; }

  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table = empty_table(context, "");
    std::vector<double> info;
    std::vector<double> stability;
    Json blocks = Json::array();
    for (const auto& block : *context.statistics) {
      check_statistics(block, info.size());
      info.push_back(information(block.reservoir));
      const double scale = options_.normalized ? block.mean_abs + 1e-8 : 1;
      stability.push_back(-block.variance / (scale * scale));
      blocks.push_back({{"information", info.back()},
                        {"stability", stability.back()},
                        {"outlier_share", block.outlier_share}});
    }
    const auto info_z = z_scores(info);
    const auto stability_z = z_scores(stability);
    std::vector<double> scores;
    for (size_t i = 0; i < info.size(); ++i)
      scores.push_back(options_.information * info_z[i] + options_.stability * stability_z[i]);
    table.details["blocks"] = blocks;
    rank_by_block(context, scores, table);
    table.loss.clear();
    table.loss_stderr.clear();
    return table;
  }

 private:
  Options options_;
};

MPQ_REGISTER(Scorer, Taq, "taq", "information and stability of hidden states (rank by block)");

}  // namespace
}  // namespace mpq
