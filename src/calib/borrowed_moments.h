#pragma once
// Experts that few tokens chose borrow from the others.
#include "mpq/calib/stage_moments.h"

namespace mpq {

/// Every expert's moments shrink towards the experts' mean by their rows (kBorrowedRows); those of
/// no rows become it. Other inputs' stay.
void borrow_moments(InputMoments& moments);

}  // namespace mpq
