#pragma once
// What formats ask of all linears of a job together.
#include <optional>
#include <vector>

#include "mpq/format/format.h"

namespace mpq {

/// For formats whose readers fuse linears and take the first one's encoding for all. Throws
/// Error(Unsupported) naming two linears of one fusion that differ.
void require_one_encoding_per_fusion(const std::vector<ExportLinear>& linears);
/// The encoding of the most linears that are not plain, the first of several; none when all are.
std::optional<Encoding> commonest_encoding(const std::vector<ExportLinear>& linears);

}  // namespace mpq
