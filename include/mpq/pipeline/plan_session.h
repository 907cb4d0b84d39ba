#pragma once
// The work folder that a plan was made in, opened.
#include <string>

#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// With the calibration that the plan names. --work wins where it exists. Throws as Session does,
/// Error(Usage) naming `where` when the plan was made for another model or task.
Session open_plan_session(const CommonOptions& common, const Plan& plan, const std::string& where);

}  // namespace mpq
