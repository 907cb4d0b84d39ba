#pragma once
// From a palette of widths to each unit's candidate specs and their exact bytes.
#include <string>
#include <vector>

#include "mpq/model/model.h"
#include "mpq/format/format.h"
#include "mpq/pipeline/options.h"
#include "mpq/score/scorer.h"

namespace mpq {

/// The scheme a unit's spec stores; "full" is 16 bits. Throws Error(Usage) on an unknown quantizer
/// or option.
Scheme scheme_of(const std::string& spec);
/// Whether the spec's quantizer must see Fisher scores.
bool needs_fisher(const std::string& spec);
/// Exact bytes of a unit in a checkpoint format.
int64_t unit_bytes(const ModelConfig& config, const Unit& unit, const Scheme& scheme,
                   const Format& format, at::ScalarType scale_dtype);
/// Candidates of every unit. A palette entry is a width ("3", "16") completed by options.quantizer
/// and options.group, or a whole spec. Where the group does not divide a unit's inputs, the largest
/// of 128, 64, 32 that does is taken, else one group a row; this is logged.
std::vector<ScoredUnit> make_candidates(const ModelConfig& config, const ScoreOptions& options);

}  // namespace mpq
