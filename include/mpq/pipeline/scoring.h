#pragma once
// From options to a scorer and what it works on.
#include <string>
#include <vector>

#include "mpq/pipeline/candidates.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// Throws Error(Usage) naming an option that is out of range.
void check_options(const ScoreOptions& options);
/// What a scorer works on. Throws Error(Usage) when the format cannot hold some candidate.
ScoreContext score_context(Session& session, const ScoreOptions& options);
/// Computes Fisher scores where a candidate's quantizer needs them.
void add_fisher(Session& session, ScoreContext& context);
/// The scorer that was asked for; of "auto" the exact one where it is cheap, else the one whose
/// work grows linearly with depth.
Spec chosen_scorer(const Model& model, const ScoreOptions& options);
/// With the local errors that a scorer needs which only ranks.
ScoreCost scoring_cost(const Spec& scorer, const ScoreContext& context);
/// Tokens of the task that candidates are measured on.
int64_t probe_tokens(const Model& model, const ScoreOptions& options);
/// The calibration's groups with as many probed tokens as the options say.
std::vector<SequenceGroup> score_groups(const Model& model, const PromptSet& prompts,
                                        const ScoreOptions& options, uint64_t seed);
/// A number among a scorer's options, by default when it is not given; 0 where it has none.
double scorer_option(const Spec& scorer, const char* name);
/// The weight of general text beside the task in a scorer's losses; 0 where it has none.
double text_weight_of(const std::string& scorer);
}  // namespace mpq
