// Group arithmetic of a scheme.
#include "mpq/quant/scheme.h"

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

}  // namespace mpq
