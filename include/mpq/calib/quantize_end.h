#pragma once
// The embedding and the head, quantized by what reads or writes them.
#include <memory>

#include "mpq/calib/sequence_group.h"
#include "mpq/model/activations.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {

/// H = 2 E[x x^T] of the head's inputs, from the last block's outputs of some groups. Throws
/// Error(Numeric) when it is not finite.
std::shared_ptr<const Hessian> head_hessian(const Model& model,
                                            const std::vector<SequenceGroup>& groups,
                                            const Streams& outputs);

/// An end's weight by a method, resolved. A head is quantized under the Hessian of its inputs; an
/// embedding, whose rows are read one by one, under the identity; a matrix that is both under the
/// head's.
QuantizedLinear quantize_end(const Model& model, const Unit& unit, const Method& method,
                             const std::shared_ptr<const Hessian>& head);

}  // namespace mpq
