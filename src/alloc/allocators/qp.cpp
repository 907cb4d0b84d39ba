// The quadratic program of high-impact ratios (arXiv 2511.17801; methods.md, 3): min 1/2 d^T M d
// over one-hot d, M block-diagonal.
#include <algorithm>
#include <cmath>
#include <map>

#include "mpq/alloc/allocator.h"
#include "mpq/alloc/knapsack.h"
#include "mpq/alloc/problem.h"
#include "mpq/alloc/psd.h"

namespace mpq {
namespace {

/// Of one block: the program's matrix, M_ii = 2 L_i, M_ij the interaction, rows being the choices
/// of its units one after the other; 1/2 d^T M d is what the block loses.
struct BlockProgram {
  std::vector<size_t> units;  // in the problem
  std::vector<int> offset;    // first row of each unit
  int rows = 0;
  std::vector<double> matrix;
};

struct QpOptions {
  bool psd = true;
  int max_states = 20000;
  template <class Field>
  void visit(Field&& field) {
    field("psd", psd,
          "project every block's matrix to positive semi-definite: noise can make it not");
    field("max_states", max_states, "partial solutions kept; beyond it the gap is reported");
  }
};

class Qp final : public Allocator {
 public:
  using Options = QpOptions;
  explicit Qp(const Options& options) : options_(options) {
    require(options.max_states > 0, ErrorCode::Usage, "qp: expected max_states > 0, found {}",
            options.max_states);
  }

  /// Within a block all joint choices are enumerated and the dominated ones dropped, across blocks
  /// a knapsack: exact unless max_states is reached. details: the share of eigenvalues clipped.
  Allocation solve(const AllocationProblem& problem) const override {
    check_candidates(problem);
    double clipped = 0;
    double kept = 0;
    std::vector<BlockProgram> programs = block_programs(problem);
    for (auto& program : programs) {
      if (!options_.psd) continue;
      PsdProjection projected = project_psd(program.matrix, program.rows);
      clipped += projected.clipped;
      kept += projected.kept;
      program.matrix = std::move(projected.matrix);
    }
    std::vector<std::vector<std::vector<int>>> joint(programs.size());
    AllocationProblem blocks;
    blocks.budget_bytes = problem.budget_bytes;
    for (size_t b = 0; b < programs.size(); ++b)
      blocks.units.push_back(enumerate(problem, programs[b], joint[b]));
    Allocation result = solve_blocks(problem, programs, blocks, joint);
    result.clipped = clipped + kept > 0 ? clipped / (clipped + kept) : 0;
    return result;
  }

 private:
  static std::vector<BlockProgram> block_programs(const AllocationProblem& problem) {
    std::map<int, BlockProgram> by_block;
    std::map<size_t, int> row;  // of each unit
    for (size_t u = 0; u < problem.units.size(); ++u) {
      BlockProgram& program = by_block[problem.units[u].block];
      program.units.push_back(u);
      program.offset.push_back(program.rows);
      row[u] = program.rows;
      program.rows += static_cast<int>(problem.units[u].candidates.size());
    }
    for (auto& [block, program] : by_block) {
      const auto n = static_cast<size_t>(program.rows);
      program.matrix.assign(n * n, 0);
      for (const size_t u : program.units) {
        const auto& candidates = problem.units[u].candidates;
        for (size_t c = 0; c < candidates.size(); ++c) {
          const size_t i = static_cast<size_t>(row[u]) + c;
          program.matrix[i * n + i] = 2 * candidates[c].loss;
        }
      }
    }
    for (const auto& pair : problem.pairs) {
      BlockProgram& program = by_block[problem.units[pair.first].block];
      const auto n = static_cast<size_t>(program.rows);
      for (size_t a = 0; a < pair.interaction.size(); ++a) {
        for (size_t b = 0; b < pair.interaction[a].size(); ++b) {
          const size_t i = static_cast<size_t>(row[pair.first]) + a;
          const size_t j = static_cast<size_t>(row[pair.second]) + b;
          program.matrix[i * n + j] = program.matrix[j * n + i] = pair.interaction[a][b];
        }
      }
    }
    std::vector<BlockProgram> programs;
    for (auto& [block, program] : by_block) programs.push_back(std::move(program));
    return programs;
  }

  static double loss_of(const BlockProgram& program, const std::vector<int>& choice) {
    double loss = 0;
    const auto n = static_cast<size_t>(program.rows);
    for (size_t a = 0; a < choice.size(); ++a) {
      const auto i = static_cast<size_t>(program.offset[a] + choice[a]);
      for (size_t b = 0; b < choice.size(); ++b)
        loss += program.matrix[i * n + static_cast<size_t>(program.offset[b] + choice[b])];
    }
    return loss / 2;
  }

  /// The block as one unit of a knapsack, its candidates the joint choices.
  static AllocationUnit enumerate(const AllocationProblem& problem, const BlockProgram& program,
                                  std::vector<std::vector<int>>& joint) {
    constexpr size_t kMost = 2'000'000;
    size_t count = 1;
    for (const size_t u : program.units) {
      count *= problem.units[u].candidates.size();
      require(count <= kMost, ErrorCode::Usage,
              "qp: block {} has more than {} joint choices; use a shorter palette, or --fuse yes",
              problem.units[u].block, kMost);
    }
    AllocationUnit unit{"block", problem.units[program.units.front()].block, 0, 0, {}};
    std::vector<int> choice(program.units.size(), 0);
    for (size_t i = 0; i < count; ++i) {
      Candidate candidate;
      const double loss = loss_of(program, choice);
      require(std::isfinite(loss), ErrorCode::Numeric,
              "qp: the losses of block {} sum up to {}; score it again",
              problem.units[program.units.front()].block, loss);
      candidate.loss = std::max(0.0, loss);
      for (size_t a = 0; a < choice.size(); ++a)
        candidate.bytes +=
            problem.units[program.units[a]].candidates[static_cast<size_t>(choice[a])].bytes;
      unit.candidates.push_back(candidate);
      joint.push_back(choice);
      for (size_t a = 0; a < choice.size(); ++a) {  // the next one, as an odometer
        if (++choice[a] < static_cast<int>(problem.units[program.units[a]].candidates.size()))
          break;
        choice[a] = 0;
      }
    }
    for (const size_t u : program.units) unit.weights += problem.units[u].weights;
    return unit;
  }

  Allocation solve_blocks(const AllocationProblem& problem,
                          const std::vector<BlockProgram>& programs,
                          const AllocationProblem& blocks,
                          const std::vector<std::vector<std::vector<int>>>& joint) const {
    const Knapsack knapsack = make_knapsack(blocks);
    const auto solution = solve_knapsack(knapsack, {options_.max_states, 0});
    Allocation result;
    result.choice.assign(problem.units.size(), 0);
    for (size_t b = 0; b < programs.size(); ++b) {
      const auto item =
          static_cast<size_t>(knapsack.units[b][static_cast<size_t>(solution.items[b])].candidate);
      result.bytes += blocks.units[b].candidates[item].bytes;
      result.predicted_loss += blocks.units[b].candidates[item].loss;
      for (size_t a = 0; a < programs[b].units.size(); ++a)
        result.choice[programs[b].units[a]] = joint[b][item][a];
    }
    const double gap = static_cast<double>(solution.loss - solution.bound) * knapsack.loss_quantum;
    result.lower_bound = std::max(0.0, result.predicted_loss - gap);
    result.gap = result.predicted_loss - result.lower_bound;
    return result;
  }

  Options options_;
};

MPQ_REGISTER(
    Allocator, Qp, "qp",
    "least joint loss with the measured interactions inside each block (quadratic program)");

}  // namespace
}  // namespace mpq
