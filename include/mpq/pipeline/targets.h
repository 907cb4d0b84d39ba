#pragma once
// Where a checkpoint shall run: the widths its kernels take and whether fused linears may differ
// (formats.md, fusion groups).
#include <string>
#include <vector>

#include "mpq/pipeline/plan_file.h"

namespace mpq {

struct Target {
  std::string name;
  std::string summary;
  std::vector<int> palette;  // code widths; 16 is left alone
  bool may_split = false;    // q, k, v (gate, up) may have different schemes
  std::vector<int> groups;   // group sizes its kernels take; empty: any
  bool needs_symmetric =
      false;  // its reader fails on asymmetric mixes (transformers 5 with compressed-tensors 0.20)
  bool holds_hybrids = false;  // two widths in one linear
};

const std::vector<Target>& all_targets();
/// Throws Error(Usage) with a suggestion.
const Target& target_named(const std::string& name);
/// What in a plan the target cannot run, one line each; empty: it fits.
std::vector<std::string> target_faults(const Target& target, const Plan& plan,
                                       const ModelConfig& config);

}  // namespace mpq
