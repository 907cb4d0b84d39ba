#pragma once
// Token ids of one sequence.
#include <cstdint>
#include <vector>

namespace mpq {

using TokenSequence = std::vector<int32_t>;

}  // namespace mpq
