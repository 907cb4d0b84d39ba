#pragma once
// Losses that earlier scorings of a work folder measured, for another palette.
#include <map>
#include <string>
#include <utility>

#include "mpq/pipeline/session.h"
#include "mpq/score/scorer.h"

namespace mpq {

struct KnownLosses {
  std::string unit;  // as ScoreTable::loss_unit
  /// Mean and standard error by unit's name and spec.
  std::map<std::pair<std::string, std::string>, std::pair<double, double>> losses;
};

/// Of all scorings whose way of measuring has the key `way`. Throws Error(Format) on a damaged
/// file.
KnownLosses known_losses(const Session& session, const std::string& way);
/// The context without the candidates that are known, but for "full".
ScoreContext without_known(const ScoreContext& context, const KnownLosses& known);
/// The table of the whole context, from that of without_known().
ScoreTable with_known(const ScoreContext& context, const KnownLosses& known,
                      const ScoreContext& rest, const ScoreTable& measured);

}  // namespace mpq
