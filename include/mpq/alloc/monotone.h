#pragma once
// Measured losses are noisy: within one method more bytes cannot truly do more harm.
#include <vector>

#include "mpq/alloc/allocator.h"

namespace mpq {

/// The problem with every unit's losses, over bytes, replaced by their isotonic regression (pool
/// adjacent violators; Barlow et al., 1972): a wider candidate that measured worse is noise, not
/// physics. Candidates are compared within the same plug-in (the spec's name), since one method may
/// truly lose to another at fewer bytes. Losses weigh by their inverse variance where measured,
/// equally otherwise.
AllocationProblem monotone_losses(const AllocationProblem& problem);

/// Spends what `choice` leaves of the budget on candidates with more bytes, no fewer bits and no
/// more loss, a step at a time, the unit of fewest bits first (its true error falls most). Meant
/// for monotone_losses, where such ties stand for upgrades whose gain is lost in the noise.
std::vector<int> spend_leftover(const AllocationProblem& problem, std::vector<int> choice);

}  // namespace mpq
