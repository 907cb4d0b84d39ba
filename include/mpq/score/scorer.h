#pragma once
// Scorers: how much each choice for each unit harms the task.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mpq/calib/block_pass.h"
#include "mpq/calib/block_statistics.h"
#include "mpq/calib/fisher.h"
#include "mpq/calib/sequence_group.h"
#include "mpq/core/registry.h"
#include "mpq/model/unit.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {

/// A unit and the quantizer specs among which the allocator will choose. Spec "full" leaves it at
/// 16 bits.
struct ScoredUnit {
  Unit unit;
  std::vector<std::string> candidates;
};

/// What a scorer will do, for --dry-run, or has done.
struct ScoreCost {
  int64_t products = 0;  // as count_products() counts them
  int64_t quantizations = 0;
};

struct ScoreContext {
  const Model* model = nullptr;
  const PromptSet* prompts = nullptr;
  const std::vector<BlockStatistics>* statistics = nullptr;  // by block
  std::vector<ScoredUnit> units;                             // in order of execution
  std::vector<SequenceGroup> groups;
  double text_share = 0.2;  // of the Hessian
  uint64_t seed = 0;
  at::ScalarType stored_dtype = at::kFloat;  // of the checkpoint
  MemoryBudget* memory = nullptr;
  const ChannelFisher* fisher = nullptr;  // where a candidate's quantizer needs it
  const Tokenizer* tokenizer = nullptr;   // for scorers that read generated answers
  std::vector<int32_t> stop_tokens;       // that end generation
  /// Where what was measured of finished blocks is kept, so that a killed scoring goes on; empty:
  /// nowhere.
  std::string finished_folder;
  int64_t* quantizations = nullptr;      // counts them, when given
  int64_t kept_bytes = kKeptInputBytes;  // of inputs that a pass may keep
};

/// What two choices lose together beyond the sum of both alone.
struct PairLoss {
  size_t first = 0, second = 0;                  // units, first < second
  std::vector<std::vector<double>> interaction;  // [candidate of first][candidate of second]
};

/// loss[u][c] for unit u and candidate c, additive over units; empty for a rank-only scorer.
/// `score` ranks units, higher is more sensitive. "full" has loss 0.
struct ScoreTable {
  std::string loss_unit;  // "nats/token", "relative", ...; empty for a rank
  std::vector<double> score;
  std::vector<std::vector<double>> loss;
  std::vector<std::vector<double>> loss_stderr;
  std::vector<PairLoss> pairs{};  // of units of one block; empty when they were not measured
  Json details = Json::object();  // facts worth keeping, e.g. per-block outlier shares
};

/// To add one: a class with nested Options in src/score/scorers/<name>.cpp, registered with
/// MPQ_REGISTER(Scorer, ...), and tests/score/<name>_test.cpp.
class Scorer {
 public:
  static constexpr const char* kKind = "scorer";
  Scorer() = default;
  virtual ~Scorer() = default;
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;

  /// False: it ranks blocks only and the candidates' losses come from their local error, weighted
  /// by the rank.
  virtual bool measures_loss() const = 0;
  /// Whether what a candidate loses does not depend on which others are measured: it then serves
  /// another palette too.
  virtual bool measures_each_alone() const { return false; }
  virtual ScoreCost cost(const ScoreContext& context) const = 0;
  virtual ScoreTable score(const ScoreContext& context) const = 0;
};

}  // namespace mpq
