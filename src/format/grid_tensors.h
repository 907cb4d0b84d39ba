#pragma once
// What stands beside the codes of one piece of a linear, in mpq's own files.
#include <string>
#include <vector>

#include "mpq/format/linear_tensors.h"

namespace mpq {

/// Float scales: PREFIX.scale [out, groups] in scale_dtype. E8M0: PREFIX.scale_code uint8
/// [out, groups], the exponent plus 127. E4M3: PREFIX.scale_code float8_e4m3fn [out, groups] and
/// PREFIX.super_scale float32 [1]. Sub: PREFIX.scale_code int8 (uint8 beside offsets) [out, groups]
/// and PREFIX.super_scale [out, in / super_group] in scale_dtype. Then by Zero, Whole: PREFIX.zero
/// uint8; Real: PREFIX.zero in scale_dtype; Offset: PREFIX.offset in scale_dtype or, of Sub,
/// PREFIX.offset_code uint8 and PREFIX.super_offset in scale_dtype, shaped as the scale's.
std::vector<TensorPlan> grid_plan(const std::string& prefix, const Encoding& encoding, int64_t out,
                                  int64_t in);
/// In the plan's order. Throws Error(Internal) on a value that its tensor cannot hold exactly.
std::vector<at::Tensor> grid_tensors(const std::string& prefix, const Encoding& encoding,
                                     const Grid& grid);
/// The inverse; `in` is the number of inputs. Throws Error(Format) on values that no grid has.
Grid read_grid(const std::string& prefix, const Encoding& encoding, int64_t out, int64_t in,
               const LoadTensor& load);

}  // namespace mpq
