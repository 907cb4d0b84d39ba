#pragma once
// What quantizers must know of a stage's inputs, gathered when first asked for.
#include <memory>

#include "mpq/calib/fisher.h"
#include "mpq/calib/hessian_accumulator.h"
#include "mpq/model/unit.h"
#include "mpq/quant/quantizer.h"

namespace mpq {

/// Shared by all units and candidates of a stage; the groups and states must outlive it.
class StageInputs {
 public:
  /// `fisher` may be null where no quantizer needs it.
  StageInputs(const std::vector<SequenceGroup>& groups, const GroupStates& states,
              double text_share, const ChannelFisher* fisher)
      : groups_(groups), states_(states), text_share_(text_share), fisher_(fisher) {}

  /// Fills what `needs` asks for of a unit.
  void describe(const Unit& unit, const InputNeeds& needs, QuantProblem& problem);

 private:
  /// Throws Error(Numeric) naming the unit when the inputs are not finite.
  std::shared_ptr<const Hessian> finite_hessian(const std::string& name) const;
  void gather_ranges();

  const std::vector<SequenceGroup>& groups_;
  const GroupStates& states_;
  double text_share_;
  const ChannelFisher* fisher_;
  std::shared_ptr<const Hessian> hessian_;
  at::Tensor mean_abs_, max_abs_;
};

}  // namespace mpq
