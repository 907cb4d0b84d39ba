#pragma once
// Evaluations of quantized models, kept in the work folder.
#include <string>

#include "mpq/eval/evaluate.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// to_json() of what `evaluate` finds of `parts`, a folder of ensure_parts(), against full
/// precision: of the same parts and the same input once, by whichever command comes first. `title`
/// says what is measured.
Json evaluation_of_parts(Session& session, const std::string& parts, const EvalInput& input,
                         const std::string& title);

}  // namespace mpq
