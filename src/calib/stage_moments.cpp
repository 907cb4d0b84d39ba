// One loop over the task's batches, one over the text's.
#include "mpq/calib/stage_moments.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "mpq/calib/hessian_accumulator.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Of H's mean diagonal: on nano-llama a tenth does better at 2 bits than GPTQ's hundredth.
constexpr double kDamp = 0.1;

/// Which of the two kinds of groups take part.
struct Kinds {
  bool task = false, text = false;
  Kinds(const std::vector<SequenceGroup>& groups, double text_share) {
    for (const auto& group : groups) (group.text ? text : task) = true;
    text = text && (text_share > 0 || !task);
    task = task && (text_share < 1 || !text);
  }
  bool both() const { return task && text; }
  bool holds(const SequenceGroup& group) const { return group.text ? text : task; }
};

/// sum += (full - own)^T x, float32. bfloat16 rows are multiplied as such: the difference is a
/// correction, and needs no more digits.
void add_lack(const at::Tensor& full, const at::Tensor& own, const at::Tensor& x, at::Tensor& sum) {
  const auto dtype = x.scalar_type() == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
  if (!sum.defined()) sum = at::zeros({own.size(1), x.size(1)}, x.options().dtype(at::kFloat));
  const auto lack = (full.to(at::kFloat) - own.to(at::kFloat)).to(dtype);
  sum.add_(at::mm(lack.t(), x.to(dtype)));
}

/// Whether sums of task and text are blended by their squares; magnitudes are by their means.
bool blends_squares(const Kinds& kinds, const InputNeeds& needs) {
  return kinds.both() && (needs.hessian || needs.aim);
}

void check_finite(const at::Tensor& moments, const std::string& unit) {
  require(at::isfinite(moments).all().item<bool>(), ErrorCode::Numeric,
          "{}: its inputs on the calibration prompts hold NaN or infinity (or squares beyond "
          "float32); try --dtype float32, or check the checkpoint's weights",
          unit);
}

/// Sums over the rows of one kind, then of the other.
class Gatherer {
 public:
  Gatherer(const StageSource& source, const InputNeeds& needs)
      : source_(source), needs_(needs), kinds_(source.groups, source.text_share) {}

  /// A row weighs (1 - share) in / E of its kind's sum of squares E, or 2 / rows where there is one
  /// kind only. What a row of text weighs must be known before text joins the task's sums.
  StageMoments gather(const std::string& unit) {
    const double share = source_.text_share;
    const bool blends = blends_squares(kinds_, needs_);
    const double text_squares = blends ? squares_of_text() : 0;
    if (kinds_.task) add(/*text=*/false);
    const double squares = blends ? hessian_->trace() : 0;
    double factor = 2 / std::max(1.0, rows_);
    if (squares != 0 && text_squares != 0) {
      const double of_text = share / text_squares;
      scale((1 - share) / squares / of_text);
      add(/*text=*/true);
      factor = of_text * in_;
    } else if (kinds_.text && squares == 0) {  // no task, or one of zeros, or magnitudes alone
      rows_ = 0;
      add(/*text=*/true);
      factor = 2 / std::max(1.0, rows_);
    }
    return finish(factor, unit);
  }

 private:
  template <class Visit>
  void each_batch(bool text, Visit visit) const {
    for (size_t g = 0; g < source_.groups.size(); ++g) {
      if (source_.groups[g].text != text) continue;
      for (const Batch& batch : source_.groups[g].plan.batches())
        visit(source_.rows(g, batch), g, batch);
    }
  }

  double squares_of_text() const {
    double sum = 0;
    each_batch(/*text=*/true, [&](const StageState& state, size_t, const Batch&) {
      sum += state.input.to(at::kFloat).square().sum(at::kDouble).item<double>();
    });
    return sum;
  }

  void add(bool text) {
    each_batch(text, [&](const StageState& state, size_t g, const Batch& batch) {
      const at::Tensor& x = state.input;
      in_ = static_cast<double>(x.size(1));
      rows_ += static_cast<double>(batch.rows);
      if (needs_.hessian || needs_.aim) {
        if (!hessian_) hessian_.emplace(x.size(1));
        hessian_->add(x);
      }
      if (needs_.ranges) add_range(x, text ? 1 : 0);
      if (needs_.aim) add_lacks(state, source_.full(g, batch));
    });
  }

  void add_range(const at::Tensor& x, size_t kind) {
    const auto magnitude = x.abs().to(at::kFloat);
    if (!max_abs_.defined()) {
      max_abs_ = at::zeros({x.size(1)}, at::kFloat);
      for (auto& sum : sum_abs_) sum = at::zeros({x.size(1)}, at::kFloat);
    }
    sum_abs_[kind] += magnitude.sum(0);
    max_abs_ = at::maximum(max_abs_, magnitude.amax(0));
  }

  void add_lacks(const StageState& own, const StageState& full) {
    add_lack(full.input, own.input, own.input, input_lack_);
    if (source_.residual) add_lack(full.residual, own.residual, own.input, residual_lack_);
  }

  void scale(double factor) {
    if (hessian_) hessian_->scale(factor);
    if (input_lack_.defined()) input_lack_.mul_(factor);
    if (residual_lack_.defined()) residual_lack_.mul_(factor);
  }

  StageMoments finish(double factor, const std::string& unit) {
    StageMoments moments;
    if (hessian_) {
      const at::Tensor matrix = hessian_->matrix(factor);
      hessian_.reset();
      check_finite(matrix, unit);
      moments.hessian = std::make_shared<Hessian>(matrix);
    }
    if (input_lack_.defined()) moments.input_lack = input_lack_.mul_(factor);
    if (residual_lack_.defined()) moments.residual_lack = residual_lack_.mul_(factor);
    if (!needs_.ranges) return moments;
    moments.max_abs = max_abs_;
    moments.mean_abs = blended_magnitudes();
    check_finite(moments.mean_abs, unit);
    return moments;
  }

  /// Each kind normalised by its own mean magnitude.
  at::Tensor blended_magnitudes() const {
    const double task = sum_abs_[0].mean().item<double>();
    const double text = sum_abs_[1].mean().item<double>();
    if (text == 0) return sum_abs_[0];
    if (task == 0) return sum_abs_[1];
    return sum_abs_[0] * ((1 - source_.text_share) / task) +
           sum_abs_[1] * (source_.text_share / text);
  }

  const StageSource& source_;
  const InputNeeds& needs_;
  const Kinds kinds_;
  double in_ = 0;
  double rows_ = 0;  // of the kind added last
  std::optional<HessianAccumulator> hessian_;
  at::Tensor sum_abs_[2], max_abs_;
  at::Tensor input_lack_, residual_lack_;
};

}  // namespace

StageMoments gather_moments(const StageSource& source, const InputNeeds& needs,
                            const std::string& unit) {
  if (!needs.hessian && !needs.ranges && !needs.aim) return {};
  return Gatherer(source, needs).gather(unit);
}

MomentRows moment_rows(const std::vector<SequenceGroup>& groups, double text_share,
                       const InputNeeds& needs, const std::vector<bool>& kept) {
  MomentRows rows;
  if (!needs.hessian && !needs.ranges && !needs.aim) return rows;
  const Kinds kinds(groups, text_share);
  for (size_t g = 0; g < groups.size(); ++g) {
    if (!kinds.holds(groups[g]) || kept[g]) continue;
    const int64_t once = groups[g].plan.rows();
    rows.own += groups[g].text && blends_squares(kinds, needs) ? 2 * once : once;
    rows.full += needs.aim ? once : 0;
  }
  return rows;
}

void describe_inputs(const StageMoments& moments, const Unit& unit, const InputNeeds& needs,
                     const ChannelFisher* fisher, QuantProblem& problem) {
  if (needs.hessian) problem.hessian = moments.hessian;
  if (needs.ranges) {
    problem.mean_abs = moments.mean_abs;
    problem.max_abs = moments.max_abs;
  }
  if (!needs.fisher) return;
  require(fisher != nullptr, ErrorCode::Internal, "{}: its Fisher scores are not there", unit.name);
  const auto& block = (*fisher)[static_cast<size_t>(unit.block)];
  problem.channel_fisher = at::zeros_like(block[unit.linears.front()]);
  for (const size_t linear : unit.linears) problem.channel_fisher += block[linear];
}

bool adds_to_residual(const ModelConfig& config, Stage stage) {
  return (stage == Stage::AttentionOut && config.norm_after_attention.empty()) ||
         (stage == Stage::MlpOut && config.norm_after_mlp.empty());
}

at::Tensor aimed_weight(const StageMoments& moments, const QuantProblem& problem) {
  const auto& factor = moments.hessian->factor(/*act_order=*/false, kDamp);
  if (!factor.upper.defined()) return problem.weight;
  at::Tensor lack = at::mm(problem.weight, moments.input_lack);
  if (moments.residual_lack.defined()) lack += moments.residual_lack;
  return problem.weight + at::mm(at::mm(lack, factor.upper.t()), factor.upper);
}

}  // namespace mpq
