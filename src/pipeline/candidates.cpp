// Palettes, candidate specs and their bytes.
#include "mpq/pipeline/candidates.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/targets.h"
#include "mpq/quant/encoding_options.h"
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

bool is_name(const std::string& text) {
  const auto& named = named_encodings();
  return std::any_of(named.begin(), named.end(),
                     [&](const auto& entry) { return entry.first == text; });
}

/// What is stored stands first, so that a plan reads without knowing defaults.
std::string completed(const std::string& quantizer, Spec stored) {
  const Spec given = parse_spec(quantizer);
  stored.name = given.name;
  for (const auto& [key, value] : given.options) {
    require(key != "bits" && key != "type", ErrorCode::Usage,
            "--quantizer {}: the palette says how weights are stored; leave out \"{}\"", quantizer,
            key);
    // Named encodings have no group, symmetry or dtype to choose.
    if (stored.find("type") == nullptr || !is_encoding_option(key)) stored.set(key, value);
  }
  return to_string(stored);
}

/// A whole spec that does not say its group gets the one that fits.
std::string with_group(const std::string& entry, int group) {
  Spec spec = parse_spec(entry);
  if (spec.find("group") == nullptr && spec.find("type") == nullptr)
    spec.set("group", std::to_string(group));
  return to_string(spec);
}

/// Widths and names may stand together, as in 2,3,q4_k; a spec has commas of its own.
std::vector<std::string> palette_entries(const std::vector<std::string>& given) {
  std::vector<std::string> entries;
  for (const auto& text : given) {
    std::vector<std::string> parts;
    std::stringstream list(text);
    for (std::string part; std::getline(list, part, ',');) parts.push_back(part);
    const bool plain = std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
      return is_width(part) || is_name(part) || part == kFullPrecision;
    });
    if (plain) {
      entries.insert(entries.end(), parts.begin(), parts.end());
    } else {
      entries.push_back(text);
    }
  }
  return entries;
}

/// A palette's entry as the spec of a unit's candidate.
std::string spec_of(const std::string& entry, const ScoreOptions& options, int group) {
  if (entry == "16" || entry == kFullPrecision) return kFullPrecision;
  if (is_width(entry))
    return completed(options.quantizer, {"", {{"bits", entry}, {"group", std::to_string(group)}}});
  if (is_name(entry)) return completed(options.quantizer, {"", {{"type", entry}}});
  return with_group(entry, group);
}

/// The spec with its encoding replaced.
std::string with_encoding(const std::string& text, const Encoding& encoding) {
  const Spec given = parse_spec(text);
  const Spec named = parse_spec(to_string(encoding));
  Spec spec{given.name, named.options};
  if (named.name != "int") spec.set("type", named.name);
  for (const auto& [key, value] : given.options) {
    if (!is_encoding_option(key)) spec.set(key, value);
  }
  return to_string(spec);
}

/// How the format stores a linear of the unit; a refusal names the unit.
Fit fit_of(const Format& format, const Encoding& encoding, int64_t out, const Unit& unit,
           at::ScalarType stored_dtype) {
  try {
    return format.fit(encoding, out, unit.in, stored_dtype);
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", unit.name, error.what());
  }
}

/// The spec in the encoding that the format has for all linears of the unit.
std::string fitted(const std::string& spec, const ModelConfig& config, const Unit& unit,
                   const Format& format, at::ScalarType stored_dtype) {
  if (spec == kFullPrecision) return spec;
  const Encoding asked = encoding_of(spec, stored_dtype);
  for (const int64_t out : unit_rows(config, unit)) {
    const Encoding fit = fit_of(format, asked, out, unit, stored_dtype).encoding;
    pieces_of(fit, unit.in, unit.name);
    if (!(fit == asked)) return fit.plain() ? kFullPrecision : with_encoding(spec, fit);
  }
  return spec;
}

/// All projections of a block's experts, where one kernel takes them.
bool is_tied(const ModelConfig& config, const Target& target, const Unit& unit) {
  return !target.may_split && unit.end == End::None &&
         config.block(unit.block).linears[unit.linears.front()].reads >= 0;
}

/// What a group has to divide.
int64_t common_inputs(const ModelConfig& config, const Target& target, const Unit& unit) {
  int64_t common = unit.in;
  if (!is_tied(config, target, unit)) return common;
  for (const auto& linear : config.block(unit.block).linears) {
    if (linear.reads >= 0) common = std::gcd(common, linear.in);
  }
  return common;
}

}  // namespace

Encoding encoding_of(const std::string& spec, at::ScalarType stored_dtype) {
  return make_method(spec, stored_dtype).encoding;
}

bool needs_fisher(const std::string& spec) {
  const auto quantizer = make_method(spec).quantizer;
  return quantizer != nullptr && quantizer->needs().fisher;
}

int64_t unit_bytes(const ModelConfig& config, const Unit& unit, const Encoding& encoding,
                   const Format& format, at::ScalarType stored_dtype) {
  int64_t bytes = 0;
  for (const int64_t out : unit_rows(config, unit))
    bytes += fit_of(format, encoding, out, unit, stored_dtype).bytes;
  return bytes;
}

std::vector<std::vector<size_t>> tied_units(const ModelConfig& config, const Target& target,
                                            const std::vector<ScoredUnit>& units) {
  std::map<int64_t, std::vector<size_t>> by_block;
  for (size_t u = 0; u < units.size(); ++u) {
    if (is_tied(config, target, units[u].unit)) by_block[units[u].unit.block].push_back(u);
  }
  std::vector<std::vector<size_t>> ties;
  for (auto& [block, tie] : by_block) ties.push_back(std::move(tie));
  return ties;
}

std::vector<ScoredUnit> make_candidates(const Model& model, const ScoreOptions& options) {
  const ModelConfig& config = model.config();
  const Target& target = target_named(options.target);
  require(options.fuse || target.may_split, ErrorCode::Usage,
          "--fuse no: {} needs fused linears to share one scheme", target.name);
  std::vector<std::string> palette = palette_entries(options.palette);
  if (palette.empty()) palette = target.palette;
  const auto format = Registry<Format>::instance().make(options.format);
  // One that does not hold this model says so before hours of scoring.
  format->file_bytes(export_job(model, {}, nullptr));
  std::vector<ScoredUnit> result;
  static std::set<std::pair<int, int64_t>> said;  // once by a process: stages ask anew
  std::vector<Unit> units = make_units(config, options.fuse);
  if (options.ends && format->holds_ends()) {
    for (auto& end : model.end_units()) units.push_back(std::move(end));
  }
  for (auto& unit : units) {
    const int group = fitting_group(options.group, common_inputs(config, target, unit));
    if (group != options.group && said.emplace(options.group, unit.in).second) {
      log_info("group={} does not divide {} input channels; {} there", options.group, unit.in,
               group == 0 ? std::string("one group a row") : fmt::format("group={}", group));
    }
    ScoredUnit scored{std::move(unit), {}};
    auto& candidates = scored.candidates;
    for (const auto& entry : palette) {
      const std::string spec = fitted(spec_of(entry, options, group), config, scored.unit, *format,
                                      model.stored_dtype());
      // Two entries may have one fallback.
      if (std::find(candidates.begin(), candidates.end(), spec) == candidates.end())
        candidates.push_back(spec);
    }
    require(!candidates.empty(), ErrorCode::Usage, "--palette: expected at least one width");
    result.push_back(std::move(scored));
  }
  return result;
}

}  // namespace mpq
