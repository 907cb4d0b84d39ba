// Lays out scales, zero points and offsets, and reads them back.
#include "grid_tensors.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/format/exact.h"

namespace mpq {
namespace {

at::ScalarType sub_dtype(const Encoding& encoding) {
  return encoding.zero == Zero::Offset ? at::kByte : at::kChar;
}

/// [out, supers] to [out, groups].
at::Tensor to_groups(const at::Tensor& super, int64_t groups) {
  return super.to(at::kFloat).repeat_interleave(groups / super.size(1), 1);
}

void require_sound(bool ok, const std::string& tensor, const char* fault) {
  require(ok, ErrorCode::Format, "{}: {}; the file is damaged", tensor, fault);
}

Encoding checked(const Encoding& encoding, const std::string& prefix) {
  require(at::isFloatingType(encoding.scale_dtype), ErrorCode::Internal,
          "{}: the dtype of its scales is open", prefix);
  return encoding;
}

/// What scale codes multiply: one number, or one for every super group.
at::Tensor one_super(const Grid& grid, const std::string& prefix) {
  const at::Tensor one = grid.super_scale.flatten().narrow(0, 0, 1);
  require(grid.super_scale.eq(one).all().item<bool>(), ErrorCode::Internal,
          "{}: the tensor's scale differs between rows", prefix);
  return exactly(one, at::kFloat, prefix + ".super_scale");
}

void read_scale(const std::string& prefix, const Encoding& encoding, int64_t out, int64_t groups,
                const LoadTensor& load, Grid& grid) {
  if (encoding.scale == ScaleCode::Float) {
    grid.scale = load(prefix + ".scale").to(at::kFloat).clone();
    require_finite(grid.scale, prefix + ".scale");
    return;
  }
  const at::Tensor code = load(prefix + ".scale_code");
  if (encoding.scale == ScaleCode::E8M0) {
    grid.scale = powers_of_two(code);
    require_finite(grid.scale, prefix + ".scale_code");
    return;
  }
  grid.scale_code = code.to(at::kFloat);
  grid.super_scale = load(prefix + ".super_scale").to(at::kFloat).clone();
  if (encoding.scale == ScaleCode::E4M3)
    grid.super_scale = grid.super_scale.expand({out, 1}).contiguous();
  grid.scale = to_groups(grid.super_scale, groups).mul_(grid.scale_code);
  require_finite(grid.scale, prefix + ".scale_code");
}

void read_zero(const std::string& prefix, const Encoding& encoding, int64_t groups,
               const LoadTensor& load, Grid& grid) {
  if (encoding.element != Element::Int) return;
  if (encoding.zero == Zero::Middle) {
    grid.zero = at::full_like(grid.scale, middle_code(encoding));
  } else if (encoding.zero != Zero::Offset) {
    grid.zero = load(prefix + ".zero").to(at::kFloat).clone();
    require_finite(grid.zero, prefix + ".zero");
    require_sound(
        encoding.zero == Zero::Real || grid.zero.le(top_code(encoding)).all().item<bool>(),
        prefix + ".zero", "a zero point is beyond the codes");
  } else if (encoding.scale == ScaleCode::Float) {
    grid.offset = load(prefix + ".offset").to(at::kFloat).clone();
    require_finite(grid.offset, prefix + ".offset");
  } else {
    grid.offset_code = load(prefix + ".offset_code").to(at::kFloat);
    grid.super_offset = load(prefix + ".super_offset").to(at::kFloat).clone();
    grid.offset = to_groups(grid.super_offset, groups).neg_().mul_(grid.offset_code);
    require_finite(grid.offset, prefix + ".super_offset");
  }
}

}  // namespace

std::vector<TensorPlan> grid_plan(const std::string& prefix, const Encoding& encoding, int64_t out,
                                  int64_t in) {
  const auto dtype = checked(encoding, prefix).scale_dtype;
  const int64_t groups = group_count(encoding, in, prefix);
  const std::vector<int64_t> shape = {out, groups};
  const std::vector<int64_t> supers = {out, groups / groups_of_super(encoding)};
  std::vector<TensorPlan> plan;
  switch (encoding.scale) {
    case ScaleCode::Float:
      plan.push_back({prefix + ".scale", dtype, shape});
      break;
    case ScaleCode::E8M0:
      plan.push_back({prefix + ".scale_code", at::kByte, shape});
      break;
    case ScaleCode::E4M3:
      plan.push_back({prefix + ".scale_code", at::kFloat8_e4m3fn, shape});
      plan.push_back({prefix + ".super_scale", at::kFloat, {1}});
      break;
    case ScaleCode::Sub:
      plan.push_back({prefix + ".scale_code", sub_dtype(encoding), shape});
      plan.push_back({prefix + ".super_scale", dtype, supers});
  }
  if (encoding.symmetric()) return plan;
  if (encoding.zero == Zero::Offset && encoding.scale == ScaleCode::Sub) {
    plan.push_back({prefix + ".offset_code", at::kByte, shape});
    plan.push_back({prefix + ".super_offset", dtype, supers});
  } else if (encoding.zero == Zero::Offset) {
    plan.push_back({prefix + ".offset", dtype, shape});
  } else {
    plan.push_back({prefix + ".zero", encoding.zero == Zero::Real ? dtype : at::kByte, shape});
  }
  return plan;
}

std::vector<at::Tensor> grid_tensors(const std::string& prefix, const Encoding& encoding,
                                     const Grid& grid) {
  const auto dtype = checked(encoding, prefix).scale_dtype;
  std::vector<at::Tensor> tensors;
  const auto add = [&](const at::Tensor& value, at::ScalarType stored, const char* name) {
    tensors.push_back(exactly(value, stored, prefix + name));
  };
  switch (encoding.scale) {
    case ScaleCode::Float:
      add(grid.scale, dtype, ".scale");
      break;
    case ScaleCode::E8M0:
      tensors.push_back(exponent_codes(grid.scale, prefix + ".scale"));
      break;
    case ScaleCode::E4M3:
      add(grid.scale_code, at::kFloat8_e4m3fn, ".scale_code");
      tensors.push_back(one_super(grid, prefix));
      break;
    case ScaleCode::Sub:
      add(grid.scale_code, sub_dtype(encoding), ".scale_code");
      add(grid.super_scale, dtype, ".super_scale");
  }
  if (encoding.symmetric()) {
    if (encoding.element == Element::Int) require_middle(grid.zero, encoding.bits, prefix);
  } else if (encoding.zero == Zero::Offset && encoding.scale == ScaleCode::Sub) {
    add(grid.offset_code, at::kByte, ".offset_code");
    add(grid.super_offset, dtype, ".super_offset");
  } else if (encoding.zero == Zero::Offset) {
    add(grid.offset, dtype, ".offset");
  } else {
    add(grid.zero, encoding.zero == Zero::Real ? dtype : at::kByte, ".zero");
  }
  return tensors;
}

Grid read_grid(const std::string& prefix, const Encoding& encoding, int64_t out, int64_t in,
               const LoadTensor& load) {
  const int64_t groups = group_count(encoding, in, prefix);
  Grid grid;
  read_scale(prefix, encoding, out, groups, load, grid);
  read_zero(prefix, encoding, groups, load, grid);
  return grid;
}

}  // namespace mpq
