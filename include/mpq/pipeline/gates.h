#pragma once
// Limits that a checkpoint must hold to replace another.
#include "mpq/core/json_file.h"
#include "mpq/pipeline/options.h"

namespace mpq {

/// `metrics` and `bytes` as diff lists them. One object a limit that was set: {"gate", "what",
/// "limit", "found", "holds"}. Throws Error(Usage) when what a gate needs was not measured.
Json check_gates(const GateOptions& gates, const Json& metrics, const Json& bytes);

}  // namespace mpq
