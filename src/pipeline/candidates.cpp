// Palettes, candidate specs and their bytes.
#include "mpq/pipeline/candidates.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/targets.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

/// `group` when it divides `in`, else the largest smaller power of two from 128 down to 32 that
/// does, else 0 (a whole row).
int fitting_group(int group, int64_t in) {
  if (group == 0 || in % group == 0) return group;
  for (const int smaller : {128, 64, 32}) {
    if (smaller < group && in % smaller == 0) return smaller;
  }
  return 0;
}

bool is_width(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Bits and group stand first and are always written, so that a plan reads without knowing
/// defaults.
std::string spec_for_width(const std::string& quantizer, const std::string& bits, int group) {
  const Spec given = parse_spec(quantizer);
  Spec spec{given.name, {{"bits", bits}, {"group", std::to_string(group)}}};
  for (const auto& [key, value] : given.options) {
    require(key != "bits", ErrorCode::Usage,
            "--quantizer {}: the palette gives the bits; leave them out", quantizer);
    spec.set(key, value);
  }
  return to_string(spec);
}

/// A whole spec that does not name its group gets the one that fits.
std::string with_group(const std::string& entry, int group) {
  Spec spec = parse_spec(entry);
  if (spec.find("group") == nullptr) spec.set("group", std::to_string(group));
  return to_string(spec);
}

/// Widths may stand together, as in 2,3,4; a spec has commas of its own.
std::vector<std::string> palette_entries(const std::vector<std::string>& given) {
  std::vector<std::string> entries;
  for (const auto& text : given) {
    if (text.find_first_not_of("0123456789,") != std::string::npos) {
      entries.push_back(text);
      continue;
    }
    std::stringstream widths(text);
    for (std::string width; std::getline(widths, width, ',');) entries.push_back(width);
  }
  return entries;
}

}  // namespace

Scheme scheme_of(const std::string& spec) {
  if (spec == kFullPrecision) return {.bits = 16, .group = 0, .symmetric = true};
  return make_quantizer(spec)->scheme();
}

bool needs_fisher(const std::string& spec) {
  return spec != kFullPrecision && make_quantizer(spec)->needs().fisher;
}

int64_t unit_bytes(const ModelConfig& config, const Unit& unit, const Scheme& scheme,
                   const Format& format, at::ScalarType scale_dtype) {
  int64_t bytes = 0;
  for (const size_t index : unit.linears) {
    const auto& linear = config.linears[index];
    bytes += format.linear_bytes(scheme, linear.out, linear.in, scale_dtype);
  }
  return bytes;
}

std::vector<ScoredUnit> make_candidates(const ModelConfig& config, const ScoreOptions& options) {
  const Target& target = target_named(options.target);
  require(options.fuse || target.may_split, ErrorCode::Usage,
          "--fuse no: {} needs fused linears to share one scheme", target.name);
  std::vector<std::string> palette = palette_entries(options.palette);
  if (palette.empty()) {
    for (const int bits : target.palette) palette.push_back(std::to_string(bits));
  }
  std::vector<ScoredUnit> result;
  std::set<int64_t> warned;
  for (auto& unit : make_units(config, options.fuse)) {
    const int group = fitting_group(options.group, unit.in);
    if (group != options.group && warned.insert(unit.in).second) {
      log_info("group={} does not divide {} input channels; {} there", options.group, unit.in,
               group == 0 ? std::string("one group a row") : fmt::format("group={}", group));
    }
    ScoredUnit scored{std::move(unit), {}};
    for (const auto& entry : palette) {
      if (entry == "16" || entry == kFullPrecision) {
        scored.candidates.emplace_back(kFullPrecision);
      } else {
        scored.candidates.push_back(is_width(entry)
                                        ? spec_for_width(options.quantizer, entry, group)
                                        : with_group(entry, group));
        pieces_of(scheme_of(scored.candidates.back()), scored.unit.in, scored.unit.name);
      }
    }
    require(!scored.candidates.empty(), ErrorCode::Usage, "--palette: expected at least one width");
    result.push_back(std::move(scored));
  }
  return result;
}

}  // namespace mpq
