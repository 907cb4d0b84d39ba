// Dequantization and slicing of the internal form.
#include "mpq/quant/quantized_linear.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/quant/rounder.h"

namespace mpq {
namespace {

/// All that has a row for each of the linear's.
std::vector<at::Tensor*> row_tensors(QuantizedLinear& linear) {
  std::vector<at::Tensor*> tensors = {&linear.codes};
  for (auto* tensor : tensors_of(linear.grid)) tensors.push_back(tensor);
  return tensors;
}

void validate_hybrid(const QuantizedLinear& linear, const std::string& where) {
  const auto in = linear.order.size(0);
  const auto expected = pieces_of(linear.encoding, in, where);
  require(linear.pieces.size() == expected.size() && linear.order.scalar_type() == at::kLong &&
              std::get<0>(linear.order.sort()).equal(at::arange(in, at::kLong)),
          ErrorCode::Internal, "{}: pieces or channel order disagree with the encoding", where);
  for (size_t i = 0; i < expected.size(); ++i) {
    require(linear.pieces[i].encoding == expected[i].encoding &&
                linear.pieces[i].codes.size(1) == expected[i].columns,
            ErrorCode::Internal, "{}: piece {} disagrees with the encoding", where, i);
    validate(linear.pieces[i], where);
  }
}

/// The grid's tensors are those of the encoding, finite, and multiply to its scales.
void validate_grid(const Encoding& encoding, const Grid& grid, int64_t out, int64_t groups,
                   const std::string& where) {
  const bool sub = encoding.scale == ScaleCode::Sub;
  const bool coded = sub || encoding.scale == ScaleCode::E4M3;
  const bool offset = encoding.has_offset();
  const int64_t supers = sub ? groups / groups_of_super(encoding) : 1;
  const auto expect = [&](const at::Tensor& tensor, bool there, int64_t columns, const char* name) {
    require(tensor.defined() == there, ErrorCode::Internal, "{}: {} {}", where, name,
            there ? "is missing" : "does not belong to the encoding");
    require(!there || (tensor.scalar_type() == at::kFloat &&
                       tensor.sizes() == at::IntArrayRef({out, columns})),
            ErrorCode::Internal, "{}: {} is not float32 [{}, {}]", where, name, out, columns);
    require(!there || at::isfinite(tensor).all().item<bool>(), ErrorCode::Numeric,
            "{}: {} holds inf or NaN; the weights or the calibration overflowed", where, name);
  };
  expect(grid.scale, true, groups, "its scale");
  expect(grid.zero, encoding.element == Element::Int && !offset, groups, "its zero point");
  expect(grid.offset, offset, groups, "its offset");
  expect(grid.scale_code, coded, groups, "the codes of its scales");
  expect(grid.super_scale, coded, supers, "what scales its scales");
  expect(grid.offset_code, sub && offset, groups, "the codes of its offsets");
  expect(grid.super_offset, sub && offset, supers, "what scales its offsets");
  if (!coded) return;
  const auto spread = [&](const at::Tensor& tensor) {
    return tensor.repeat_interleave(groups / supers, 1);
  };
  require(grid.scale.equal(grid.scale_code * spread(grid.super_scale)) &&
              (!grid.offset.defined() ||
               grid.offset.equal(-(grid.offset_code * spread(grid.super_offset)))),
          ErrorCode::Internal, "{}: its scales are not those that its codes make", where);
}

}  // namespace

std::array<at::Tensor*, 7> tensors_of(Grid& grid) {
  return {&grid.scale,       &grid.zero,        &grid.offset,      &grid.scale_code,
          &grid.offset_code, &grid.super_scale, &grid.super_offset};
}

at::Tensor dequantize(const QuantizedLinear& linear) {
  at::Tensor weight;
  if (linear.pieces.empty()) {
    const auto codes = by_group(linear.codes.to(at::kFloat), linear.grid.scale.size(1));
    weight = Rounder(linear.encoding).values(codes, linear.grid).view(linear.codes.sizes());
  } else {
    std::vector<at::Tensor> columns;
    for (const auto& piece : linear.pieces) columns.push_back(dequantize(piece));
    const auto ordered = at::cat(columns, 1);
    weight = at::empty_like(ordered).index_copy_(1, linear.order, ordered);
  }
  return linear.input_scale.defined() ? weight.div_(linear.input_scale) : weight;
}

QuantizedLinear select_rows(const QuantizedLinear& linear, const at::Tensor& index) {
  QuantizedLinear selected = linear;
  for (auto& piece : selected.pieces) piece = select_rows(piece, index);
  for (auto* tensor : row_tensors(selected)) {
    if (tensor->defined()) *tensor = tensor->index_select(0, index);
  }
  return selected;
}

QuantizedLinear slice_rows(const QuantizedLinear& linear, int64_t begin, int64_t count) {
  QuantizedLinear slice = linear;
  for (auto& piece : slice.pieces) piece = slice_rows(piece, begin, count);
  for (auto* tensor : row_tensors(slice)) {
    if (tensor->defined()) *tensor = tensor->narrow(0, begin, count);
  }
  return slice;
}

QuantizedLinear choose_rows(const at::Tensor& keep, const QuantizedLinear& first,
                            const QuantizedLinear& second) {
  QuantizedLinear chosen = first, other = second;
  for (size_t i = 0; i < chosen.pieces.size(); ++i)
    chosen.pieces[i] = choose_rows(keep, first.pieces[i], second.pieces[i]);
  const auto theirs = row_tensors(other);
  const auto ours = row_tensors(chosen);
  for (size_t i = 0; i < ours.size(); ++i) {
    if (ours[i]->defined()) *ours[i] = at::where(keep, *ours[i], *theirs[i]);
  }
  return chosen;
}

void validate(const QuantizedLinear& linear, const std::string& where) {
  if (!linear.pieces.empty()) {
    validate_hybrid(linear, where);
    return;
  }
  const Encoding& encoding = linear.encoding;
  const auto in = linear.codes.size(1);
  const auto groups = group_count(encoding, in, where);
  require(linear.codes.scalar_type() == at::kByte, ErrorCode::Internal,
          "{}: its codes are not uint8", where);
  validate_grid(encoding, linear.grid, linear.codes.size(0), groups, where);
  const int64_t top = top_code(encoding);
  const bool whole_zero = linear.grid.zero.defined() && encoding.zero != Zero::Real;
  require(linear.codes.max().item<int64_t>() <= top &&
              (!whole_zero || (linear.grid.zero.ge(0) & linear.grid.zero.le(top) &
                               linear.grid.zero.eq(linear.grid.zero.round()))
                                  .all()
                                  .item<bool>()),
          ErrorCode::Internal, "{}: a code or zero point exceeds {} bits", where, encoding.bits);
  const at::Tensor& input_scale = linear.input_scale;
  require(!input_scale.defined() ||
              (input_scale.scalar_type() == at::kFloat && input_scale.dim() == 1 &&
               input_scale.size(0) == in && input_scale.gt(0).all().item<bool>() &&
               at::isfinite(input_scale).all().item<bool>()),
          ErrorCode::Numeric, "{}: expected {} positive input scales", where, in);
}

}  // namespace mpq
