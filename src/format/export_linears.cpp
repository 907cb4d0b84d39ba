// Fusions and the commonest encoding.
#include "mpq/format/export_linears.h"

#include <algorithm>
#include <map>

#include "mpq/core/error.h"

namespace mpq {

void require_one_encoding_per_fusion(const std::vector<ExportLinear>& linears) {
  std::map<std::string, const ExportLinear*> first;
  for (const auto& linear : linears) {
    if (linear.fusion.empty()) continue;
    const ExportLinear& other = *first.emplace(linear.fusion, &linear).first->second;
    if (linear.encoding == other.encoding) continue;
    fail(ErrorCode::Unsupported,
         "{} is {} and {} is {}: readers of this format make one linear of them; allocate with "
         "--fuse yes, or choose --target mpq, mlx or gguf",
         other.module, to_string(other.encoding), linear.module, to_string(linear.encoding));
  }
}

std::optional<Encoding> commonest_encoding(const std::vector<ExportLinear>& linears) {
  std::vector<std::pair<Encoding, int>> counts;
  for (const auto& linear : linears) {
    if (linear.encoding.plain()) continue;
    auto found = std::find_if(counts.begin(), counts.end(),
                              [&](const auto& entry) { return entry.first == linear.encoding; });
    if (found == counts.end()) found = counts.insert(counts.end(), {linear.encoding, 0});
    ++found->second;
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::nullopt : std::optional(most->first);
}

}  // namespace mpq
