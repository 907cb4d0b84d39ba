#pragma once
// sensitivity.json: what each candidate of each unit costs in bytes and in loss (cli.md).
#include <string>

#include "mpq/alloc/allocator.h"
#include "mpq/pipeline/candidates.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// A scored table with its units; `key` identifies everything it was made from.
struct Sensitivity {
  std::vector<ScoredUnit> units;
  AllocationProblem problem;  // same order, budget not set
  Json header;
  std::string key;
  std::string path;
};

/// Where the scores of a key are kept, within the work folder.
std::string score_file(const std::string& key);
/// What a scorer works on. Throws Error(Usage) when the format cannot hold some candidate.
ScoreContext score_context(Session& session, const ScoreOptions& options);
/// Computes Fisher scores where a candidate's quantizer needs them.
void add_fisher(Session& session, ScoreContext& context);
/// The scorer that was asked for; of "auto" the exact one where it is cheap, else the one whose
/// work grows linearly with depth.
Spec chosen_scorer(const Model& model, const ScoreOptions& options);
/// A number among a scorer's options, by default when it is not given; 0 where it has none.
double scorer_option(const Spec& scorer, const char* name);
/// The weight of general text beside the task in a scorer's losses; 0 where it has none.
double text_weight_of(const std::string& scorer);
/// Reads work/sensitivity-NAME.json when it was made from the same inputs, else scores and writes
/// it.
Sensitivity score_or_load(Session& session, const ScoreOptions& options);
/// The same for an allocator: nothing is measured when every unit has a single candidate.
Sensitivity sensitivity_for_choice(Session& session, const ScoreOptions& options);
/// What scoring would do, without doing it.
Json describe_scoring(Session& session, const ScoreOptions& options);

}  // namespace mpq
