#pragma once
// From a palette to each unit's candidate specs and their exact bytes.
#include <string>
#include <vector>

#include "mpq/format/format.h"
#include "mpq/model/model.h"
#include "mpq/pipeline/options.h"
#include "mpq/score/scorer.h"

namespace mpq {

struct Target;

/// How a unit's spec stores its weights, resolved; "full" is plain. Throws Error(Usage) on an
/// unknown quantizer or option.
Encoding encoding_of(const std::string& spec, at::ScalarType stored_dtype);
/// Whether the spec's quantizer must see Fisher scores.
bool needs_fisher(const std::string& spec);
/// Exact bytes of a unit in a checkpoint format.
int64_t unit_bytes(const ModelConfig& config, const Unit& unit, const Encoding& encoding,
                   const Format& format, at::ScalarType stored_dtype);
/// Units that a target stores alike: all projections of a block's experts, where one kernel takes
/// them.
std::vector<std::vector<size_t>> tied_units(const ModelConfig& config, const Target& target,
                                            const std::vector<ScoredUnit>& units);
/// Candidates of every unit. A palette entry is a width ("3", "16") completed by options.quantizer
/// and options.group, the name of an encoding ("q4_k"), or a whole spec; each in the encoding that
/// the format has for the unit's shapes. Where the group does not divide a unit's inputs, the
/// largest of 128, 64, 32 that does is taken, else one group a row; this is logged.
std::vector<ScoredUnit> make_candidates(const Model& model, const ScoreOptions& options);

}  // namespace mpq
