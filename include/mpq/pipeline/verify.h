#pragma once
// The proof: a plan against its rival on prompts that neither was made from.
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"

namespace mpq {

struct Verification {
  Json json;  // "verified" of plan.json
  bool plan_kept = true;
};

/// Quantizes both, measures KL to full precision on held-out prompts and text (and the task metric
/// where prompts have answers or choices). The plan is kept unless the rival's task KL is lower.
Verification verify_plans(Session& session, const Plan& plan, const Plan& rival, double text_share);

}  // namespace mpq
