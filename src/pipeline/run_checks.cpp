// The stages' own checks, on the model's outline.
#include "mpq/pipeline/run_checks.h"

#include "mpq/alloc/problem.h"
#include "mpq/core/error.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/budget.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/scoring.h"
#include "mpq/pipeline/targets.h"

namespace mpq {
namespace {

/// The candidates by their bytes alone.
AllocationProblem sizes_of(const Model& model, const std::vector<ScoredUnit>& units,
                           const Format& format) {
  AllocationProblem problem;
  for (const auto& [unit, specs] : units) {
    AllocationUnit entry{unit.name, static_cast<int>(unit.block), unit.weights(), 0, {}};
    for (const auto& spec : specs) {
      const Encoding encoding = encoding_of(spec, model.stored_dtype());
      const int64_t bytes =
          unit_bytes(model.config(), unit, encoding, format, model.stored_dtype());
      entry.candidates.push_back({spec, encoding.bits, bytes, 0, 0, bytes});
    }
    problem.units.push_back(std::move(entry));
  }
  return problem;
}

void check_budget(const Model& model, const ScoreOptions& scoring, const Budget& budget,
                  const std::vector<ScoredUnit>& units) {
  if (budget.kind != "effective_bits") return;
  const auto format = Registry<Format>::instance().make(scoring.format);
  AllocationProblem problem = sizes_of(model, units, *format);
  problem.budget_bytes = bytes_of_bits(model, budget.value);
  require_feasible(problem);
}

}  // namespace

void check_run(const CommonOptions& common, const RunOptions& options, bool own) {
  const std::vector<Budget> budgets = parse_budgets(options.allocation);
  require(budgets.size() == 1, ErrorCode::Usage,
          "run makes one checkpoint: give one --budget, or use `mpq allocate` for a curve");
  memory_budget(common);
  Registry<Allocator>::instance().make(options.allocation.allocator);
  require_output_folder(options.quantization.out, common.overwrite || own);
  ComputeOptions compute = common.compute;
  compute.outline = true;
  const auto model = open_model(options.calibration.model, compute);
  ScoreOptions scoring = with_target(options.scoring);
  scoring.ends = !options.allocation.target_size.empty();
  check_options(scoring);
  const Spec scorer = chosen_scorer(*model, scoring);
  if (scorer.name != "none") Registry<Scorer>::instance().make(scorer);
  check_budget(*model, scoring, budgets.front(), make_candidates(*model, scoring));
  EvalOptions evaluation = options.evaluation;
  if (evaluation.fields == TaskFields()) evaluation.fields = options.calibration.fields;
  evaluation.score_on = options.calibration.prompts.score_on;
  file_input(evaluation, model->folder(), *Tokenizer::load(model->folder()));
}

}  // namespace mpq
