#pragma once
// The proof: a plan against its rival on prompts that neither was made from.
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"

namespace mpq {

struct Verification {
  Json json;  // "verified" of plan.json
  bool plan_kept = true;
};

struct VerifyOptions {
  double text_share = 0.2;
  /// A plan that is better on the task, but loses more KL on general text than its rival by more
  /// than this, is marked.
  double max_general_kl = 0.05;  // nats per token
  std::string rival = "the uniform plan";
};

/// Quantizes both, measures KL to full precision on held-out prompts and text (and the task metric
/// where prompts have answers or choices). The plan is kept unless the rival's task KL is lower.
Verification verify_plans(Session& session, const Plan& plan, const Plan& rival,
                          const VerifyOptions& options);

}  // namespace mpq
