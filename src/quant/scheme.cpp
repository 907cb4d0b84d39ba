// Group arithmetic of a scheme.
#include "mpq/quant/scheme.h"

#include <algorithm>
#include <cmath>

#include "mpq/core/error.h"

namespace mpq {

int64_t group_columns(const Scheme& scheme, int64_t in) {
  return scheme.group == 0 ? in : scheme.group;
}

int64_t group_count(const Scheme& scheme, int64_t in, const std::string& where) {
  const int64_t columns = group_columns(scheme, in);
  require(
      columns > 0 && in % columns == 0, ErrorCode::Usage,
      "{}: group={} does not divide its {} input channels; choose a divisor, or group=0 for one "
      "group a row",
      where, scheme.group, in);
  return in / columns;
}

int64_t high_channels(const Scheme& scheme, int64_t in) {
  const auto channels = std::llround(scheme.high_ratio * static_cast<double>(in));
  return std::clamp<int64_t>(channels, 1, in);
}

int64_t code_bytes(const Scheme& scheme, int64_t out, int64_t in) {
  const int64_t high = scheme.hybrid() ? high_channels(scheme, in) : 0;
  return (out * ((in - high) * scheme.bits + high * scheme.high_bits) + 7) / 8;
}

double mean_code_bits(const Scheme& scheme) {
  return scheme.hybrid() ? scheme.bits + (scheme.high_bits - scheme.bits) * scheme.high_ratio
                         : scheme.bits;
}

std::vector<Piece> pieces_of(const Scheme& scheme, int64_t in, const std::string& where) {
  if (!scheme.hybrid()) {
    group_count(scheme, in, where);
    return {{scheme, in}};
  }
  std::vector<Piece> pieces;
  const auto add = [&](int bits, int64_t columns) {
    const int64_t group = group_columns(scheme, columns);
    const int64_t whole = group > 0 ? columns / group * group : columns;
    const Scheme grouped{.bits = bits, .group = scheme.group, .symmetric = scheme.symmetric};
    const Scheme rest{.bits = bits, .group = 0, .symmetric = scheme.symmetric};
    if (whole > 0) pieces.push_back({grouped, whole});
    if (columns > whole) pieces.push_back({rest, columns - whole});
  };
  const int64_t high = high_channels(scheme, in);
  add(scheme.bits, in - high);
  add(scheme.high_bits, high);
  return pieces;
}

}  // namespace mpq
