// Hessian, ranges, and what the quantized prefix lost, of one input.
#include "input_sums.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "bf16_products.h"
#include "mpq/core/error.h"
#include "mpq/model/row_kernels.h"

namespace mpq {
namespace {

/// sum += (full - own)^T x, float32. bfloat16 rows are multiplied as such: the difference is a
/// correction, and needs no more digits.
void add_lack(const at::Tensor& full, const at::Tensor& own, const at::Tensor& x, at::Tensor& sum) {
  if (!sum.defined()) sum = at::zeros({own.size(1), x.size(1)}, x.options().dtype(at::kFloat));
  const bool narrow =
      takes_row_kernels(x, at::kBFloat16) && own.scalar_type() == full.scalar_type();
  const at::Tensor lack = narrow ? difference(full, own) : full.to(at::kFloat) - own;
  if (narrow && has_bf16_products()) {
    add_bf16_product(lack, x.contiguous(), sum);
  } else {
    sum.add_(at::mm(lack.t(), x.to(lack.scalar_type())));
  }
}

}  // namespace

void InputSums::add_squares_of_text(const StageState& state) {
  text_squares_ += input_of(state, reader_).to(at::kFloat).square().sum(at::kDouble).item<double>();
}

void InputSums::add(const StageState& state, const StageState* full, bool text) {
  const at::Tensor x = input_of(state, reader_);
  if (x.size(0) == 0) return;
  in_ = static_cast<double>(x.size(1));
  rows_ += static_cast<double>(x.size(0));
  if (needs_.hessian || needs_.aim) {
    if (!hessian_) hessian_.emplace(x.size(1));
    hessian_->add(x);
  }
  if (needs_.ranges) add_range(x, text ? 1 : 0);
  if (full != nullptr) add_lacks(state, *full, x);
}

bool InputSums::begin_text(bool has_text) {
  task_rows_ = rows_;
  factor_ = 2 / std::max(1.0, rows_);
  const double squares = hessian_ ? hessian_->trace() : 0;
  if (squares != 0 && text_squares_ != 0) {
    const double of_text = source_.text_share / text_squares_;
    scale((1 - source_.text_share) / squares / of_text);
    factor_ = of_text * in_;
    blended_ = true;
    return true;
  }
  if (!has_text || squares != 0) return false;
  rows_ = 0;  // no task, or one of zeros, or magnitudes alone
  return true;
}

void InputSums::end_text() {
  if (!blended_) factor_ = 2 / std::max(1.0, rows_);
}

StageMoments InputSums::finish(const std::string& unit) {
  StageMoments moments;
  moments.rows = std::max(rows_, task_rows_);
  if (hessian_) {
    const at::Tensor matrix = hessian_->matrix(factor_);
    hessian_.reset();
    check_inputs(matrix, unit);
    moments.hessian = std::make_shared<Hessian>(matrix);
  }
  if (input_lack_.defined()) moments.input_lack = input_lack_.mul_(factor_);
  if (residual_lack_.defined()) moments.residual_lack = residual_lack_.mul_(factor_);
  if (!needs_.ranges || !max_abs_.defined()) return moments;
  moments.max_abs = max_abs_;
  moments.mean_abs = blended_magnitudes();
  check_inputs(moments.mean_abs, unit);
  return moments;
}

void InputSums::add_range(const at::Tensor& x, size_t kind) {
  const auto magnitude = x.abs().to(at::kFloat);
  if (!max_abs_.defined()) {
    max_abs_ = at::zeros({x.size(1)}, at::kFloat);
    for (auto& sum : sum_abs_) sum = at::zeros({x.size(1)}, at::kFloat);
  }
  sum_abs_[kind] += magnitude.sum(0);
  max_abs_ = at::maximum(max_abs_, magnitude.amax(0));
}

/// Experts read other rows in the full-precision model: there is nothing to compare.
void InputSums::add_lacks(const StageState& own, const StageState& full, const at::Tensor& x) {
  if (reader_.reads >= 0) return;
  add_lack(input_of(full, reader_), x, x, input_lack_);
  if (source_.residual) add_lack(full.residual, own.residual, x, residual_lack_);
}

void InputSums::scale(double factor) {
  if (hessian_) hessian_->scale(factor);
  if (input_lack_.defined()) input_lack_.mul_(factor);
  if (residual_lack_.defined()) residual_lack_.mul_(factor);
}

/// Each kind normalised by its own mean magnitude.
at::Tensor InputSums::blended_magnitudes() const {
  const double task = sum_abs_[0].mean().item<double>();
  const double text = sum_abs_[1].mean().item<double>();
  if (text == 0) return sum_abs_[0];
  if (task == 0) return sum_abs_[1];
  return sum_abs_[0] * ((1 - source_.text_share) / task) +
         sum_abs_[1] * (source_.text_share / text);
}

void check_inputs(const at::Tensor& sums, const std::string& where) {
  require(at::isfinite(sums).all().item<bool>(), ErrorCode::Numeric,
          "{}: its inputs on the calibration prompts hold NaN or infinity (or squares beyond "
          "float32); try --dtype float32, or check the checkpoint's weights",
          where);
}

}  // namespace mpq
