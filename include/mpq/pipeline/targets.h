#pragma once
// Where a checkpoint shall run: the encodings its kernels take and whether fused linears may differ
// (formats.md, fusion groups).
#include <string>
#include <vector>

#include "mpq/pipeline/options.h"
#include "mpq/pipeline/plan_file.h"

namespace mpq {

/// A runtime, its version and device, on top of a format.
struct Target {
  std::string name;
  std::string summary;
  std::string format;
  std::vector<std::string>
      palette;                      // by default: code widths and named encodings; 16 is left alone
  std::vector<std::string> also{};  // named encodings that run there too
  bool may_split = false;           // q, k, v (gate, up) may have different encodings
  std::vector<int> groups{};        // of widths: group sizes its kernels take; empty: any
  std::vector<int> asymmetric{};    // widths whose zero points need not be in the middle
  bool holds_hybrids = false;       // two widths in one linear
  bool holds_experts = true;        // quantized experts, each by itself
};

const std::vector<Target>& all_targets();
/// Throws Error(Usage) with a suggestion.
const Target& target_named(const std::string& name);
/// With the target and the format that those asked for imply.
ScoreOptions with_target(ScoreOptions options);
/// What in a plan the target cannot run, one line each; empty: it fits.
std::vector<std::string> target_faults(const Target& target, const Plan& plan, const Model& model);

}  // namespace mpq
