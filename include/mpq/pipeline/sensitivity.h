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
/// The allocator's view of a sensitivity file.
AllocationProblem problem_of(const Json& file, const std::string& where);
/// The file of a measured table.
Json sensitivity_json(const Session& session, const ScoreOptions& options,
                      const std::string& scorer, const ScoreContext& context,
                      const ScoreTable& table);
/// What such a file says of the context's units: candidates that could not be measured are not in
/// it. Throws Error(Format) when its units are others, or when it lacks unit, scorer or text_share.
Sensitivity sensitivity_of(Json file, const ScoreContext& context, const std::string& key,
                           const std::string& path);
/// Reads work/sensitivity-NAME.json when it was made from the same inputs, else scores and writes
/// it.
Sensitivity score_or_load(Session& session, const ScoreOptions& options, ScoreContext context);
/// The same for an allocator: nothing is measured when every unit has a single candidate.
Sensitivity sensitivity_for_choice(Session& session, const ScoreOptions& options,
                                   const ScoreContext& context);
/// The candidates and their bytes, with losses of 0.
Sensitivity unmeasured(const Session& session, const ScoreOptions& options,
                       const ScoreContext& context);
/// What scoring would do, without doing it.
Json describe_scoring(const Session& session, const ScoreOptions& options,
                      const ScoreContext& context);

}  // namespace mpq
