// Compares differences with limits.
#include "mpq/pipeline/gates.h"

#include <cmath>

#include "mpq/core/error.h"
#include "mpq/core/units.h"

namespace mpq {
namespace {

Json gate(const char* name, const std::string& what, double limit, double found) {
  // A figure that is not finite holds no limit.
  return {{"gate", name},
          {"what", what},
          {"limit", limit},
          {"found", found},
          {"holds", found <= limit}};
}

}  // namespace

Json check_gates(const GateOptions& gates, const Json& metrics, const Json& bytes) {
  Json checked = Json::array();
  if (!std::isnan(gates.max_drop)) {
    const size_t before = checked.size();
    for (const char* name : {"exact_match", "f1", "choice_accuracy_normalized"}) {
      if (!metrics.contains(name)) continue;
      const double drop = -100 * metrics.at(name).at("change").get<double>();
      checked.push_back(gate("max-drop", name, gates.max_drop, drop));
    }
    require(checked.size() > before, ErrorCode::Usage,
            "--max-drop: no task metric was measured on both sides; give --task with answers or "
            "choices, or reports that have them");
  }
  if (!std::isnan(gates.max_kl)) {
    const size_t before = checked.size();
    for (const char* name : {"task_kl", "text_kl"}) {
      if (!metrics.contains(name)) continue;
      checked.push_back(
          gate("max-kl", name, gates.max_kl, metrics.at(name).at("change").get<double>()));
    }
    require(checked.size() > before, ErrorCode::Usage,
            "--max-kl: no KL was measured; give --task or --text, or reports made with "
            "--reference");
  }
  if (!gates.max_bytes.empty()) {
    require(bytes.at("second").is_number(), ErrorCode::Usage,
            "--max-bytes: the second report does not say how large its checkpoint is");
    checked.push_back(gate("max-bytes", "weight files",
                           static_cast<double>(parse_bytes(gates.max_bytes, "--max-bytes")),
                           bytes.at("second").get<double>()));
  }
  return checked;
}

}  // namespace mpq
