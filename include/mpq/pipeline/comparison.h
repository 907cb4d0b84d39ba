#pragma once
// Full precision, the best uniform plan and the chosen one, measured on the same prompts.
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// What compare_plans() takes when nothing was measured before: {"prompts", "seconds",
/// "peak_bytes"}.
Json estimate_comparison(const Session& session, const EvalOptions& evaluation);

/// {"rows": [{"name", "bytes", "effective_bits", "file_bytes", "result"}], "prompts": [{"source",
/// "prompt", "answers"}], ...}; the chosen plan is the last row. Measured on evaluation's files
/// when given, else on what was held out. `checkpoint` empty: the plan's parts in the work folder
/// are measured.
Json compare_plans(Session& session, const Plan& plan, const std::string& checkpoint,
                   const EvalOptions& evaluation);

}  // namespace mpq
