#pragma once
// The sections of a report, each from the facts to HTML; one that has nothing to show is empty.
#include <string>

#include "mpq/core/json_file.h"

namespace mpq {

/// What a report is made from. `report` is report.json; the others are null when there is no such
/// file.
struct ReportFacts {
  Json report, plan, curve, sensitivity, timings;
};

/// Full precision, best uniform, chosen.
std::string headline_section(const ReportFacts& facts);
/// Loss against bits: predicted lines, measured points.
std::string curve_section(const ReportFacts& facts);
/// Bits by block and role.
std::string bits_section(const ReportFacts& facts);
/// Score by block, stacked by role.
std::string sensitivity_section(const ReportFacts& facts);
/// Bytes by role and the rest of the files.
std::string bytes_section(const ReportFacts& facts);
/// The prompts that lose most, with their texts.
std::string prompts_section(const ReportFacts& facts);
/// Verification, additivity, calibration, timings, versions, hashes, and how to make it again.
std::string evidence_sections(const ReportFacts& facts);

/// The whole page.
std::string report_page(const ReportFacts& facts);

}  // namespace mpq
