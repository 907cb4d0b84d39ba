// One loop over the task's batches, one over the text's.
#include "mpq/calib/stage_moments.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <set>

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

/// Experts that few tokens chose borrow from the others: their moments shrink towards the mean by
/// their rows.
void borrow(InputMoments& moments) {
  StageMoments mean;
  at::Tensor hessian;
  for (const auto& [expert, own] : moments) {
    if (expert < 0 || own.rows == 0) continue;
    const auto add = [&](at::Tensor& sum, const at::Tensor& value) {
      if (value.defined()) sum = sum.defined() ? sum + value * own.rows : value * own.rows;
    };
    if (own.hessian != nullptr) add(hessian, own.hessian->matrix());
    add(mean.mean_abs, own.mean_abs);
    if (own.max_abs.defined())
      mean.max_abs = mean.max_abs.defined() ? at::maximum(mean.max_abs, own.max_abs) : own.max_abs;
    mean.rows += own.rows;
  }
  if (mean.rows == 0) return;
  for (auto& [expert, own] : moments) {
    if (expert < 0) continue;
    const auto joined = [&](const at::Tensor& value, const at::Tensor& sum) {
      const double borrowed = kBorrowedRows * static_cast<double>(sum.size(0));
      const auto of_mean = sum * (borrowed / mean.rows / (borrowed + own.rows));
      return value.defined() ? of_mean + value * (own.rows / (borrowed + own.rows)) : of_mean;
    };
    if (hessian.defined())
      own.hessian = std::make_shared<Hessian>(
          joined(own.hessian != nullptr ? own.hessian->matrix() : at::Tensor(), hessian));
    if (!mean.max_abs.defined()) continue;
    own.mean_abs = joined(own.mean_abs, mean.mean_abs);
    if (!own.max_abs.defined()) own.max_abs = mean.max_abs;
  }
}

void check_finite(const at::Tensor& moments, const std::string& unit) {
  require(at::isfinite(moments).all().item<bool>(), ErrorCode::Numeric,
          "{}: its inputs on the calibration prompts hold NaN or infinity (or squares beyond "
          "float32); try --dtype float32, or check the checkpoint's weights",
          unit);
}

/// Sums over the rows of one input: of one kind, then of the other.
///
/// A row weighs (1 - share) in / E of its kind's sum of squares E, or 2 / rows where there is one
/// kind only. What a row of text weighs must be known before text joins the task's sums.
class InputSums {
 public:
  InputSums(const StageSource& source, const InputNeeds& needs, const LinearInfo& reader)
      : source_(source), needs_(needs), reader_(reader) {}

  void add_squares_of_text(const StageState& state) {
    text_squares_ +=
        input_of(state, reader_).to(at::kFloat).square().sum(at::kDouble).item<double>();
  }

  /// `full` may be null where nothing aims.
  void add(const StageState& state, const StageState* full, bool text) {
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

  /// After the task's rows: what text's will weigh. False where text has no part.
  bool begin_text(bool has_text) {
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

  void end_text() {
    if (!blended_) factor_ = 2 / std::max(1.0, rows_);
  }

  StageMoments finish(const std::string& unit) {
    StageMoments moments;
    moments.rows = std::max(rows_, task_rows_);
    if (hessian_) {
      const at::Tensor matrix = hessian_->matrix(factor_);
      hessian_.reset();
      check_finite(matrix, unit);
      moments.hessian = std::make_shared<Hessian>(matrix);
    }
    if (input_lack_.defined()) moments.input_lack = input_lack_.mul_(factor_);
    if (residual_lack_.defined()) moments.residual_lack = residual_lack_.mul_(factor_);
    if (!needs_.ranges || !max_abs_.defined()) return moments;
    moments.max_abs = max_abs_;
    moments.mean_abs = blended_magnitudes();
    check_finite(moments.mean_abs, unit);
    return moments;
  }

 private:
  void add_range(const at::Tensor& x, size_t kind) {
    const auto magnitude = x.abs().to(at::kFloat);
    if (!max_abs_.defined()) {
      max_abs_ = at::zeros({x.size(1)}, at::kFloat);
      for (auto& sum : sum_abs_) sum = at::zeros({x.size(1)}, at::kFloat);
    }
    sum_abs_[kind] += magnitude.sum(0);
    max_abs_ = at::maximum(max_abs_, magnitude.amax(0));
  }

  /// Experts read other rows in the full-precision model: there is nothing to compare.
  void add_lacks(const StageState& own, const StageState& full, const at::Tensor& x) {
    if (reader_.expert >= 0) return;
    add_lack(input_of(full, reader_), x, x, input_lack_);
    if (source_.residual) add_lack(full.residual, own.residual, x, residual_lack_);
  }

  void scale(double factor) {
    if (hessian_) hessian_->scale(factor);
    if (input_lack_.defined()) input_lack_.mul_(factor);
    if (residual_lack_.defined()) residual_lack_.mul_(factor);
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
  const LinearInfo reader_;
  double in_ = 0, text_squares_ = 0, factor_ = 0;
  double rows_ = 0, task_rows_ = 0;
  bool blended_ = false;
  std::optional<HessianAccumulator> hessian_;
  at::Tensor sum_abs_[2], max_abs_;
  at::Tensor input_lack_, residual_lack_;
};

/// All inputs of a stage at once: each batch is read once a pass.
class Gatherer {
 public:
  Gatherer(const StageSource& source, const InputNeeds& needs)
      : source_(source), needs_(needs), kinds_(source.groups, source.text_share) {
    for (const auto& reader : source.readers)
      sums_.try_emplace(reader.expert, source, needs, reader);
  }

  InputMoments gather(const std::string& unit) {
    if (blends_squares(kinds_, needs_)) {
      each_batch(/*text=*/true, [&](const StageState& state, size_t, const Batch&) {
        for (auto& [expert, sums] : sums_) sums.add_squares_of_text(state);
      });
    }
    if (kinds_.task) add(/*text=*/false, {});
    std::set<int64_t> with_text;
    for (auto& [expert, sums] : sums_) {
      if (sums.begin_text(kinds_.text)) with_text.insert(expert);
    }
    if (!with_text.empty()) add(/*text=*/true, with_text);
    InputMoments moments;
    for (auto& [expert, sums] : sums_) {
      if (with_text.count(expert) != 0) sums.end_text();
      moments[expert] = sums.finish(unit);
    }
    return moments;
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

  /// To all sums, or of text to those of `experts`.
  void add(bool text, const std::set<int64_t>& experts) {
    each_batch(text, [&](const StageState& state, size_t g, const Batch& batch) {
      std::optional<StageState> full;
      if (needs_.aim) full = source_.full(g, batch);
      for (auto& [expert, sums] : sums_) {
        if (!text || experts.count(expert) != 0) sums.add(state, full ? &*full : nullptr, text);
      }
    });
  }

  const StageSource& source_;
  const InputNeeds& needs_;
  const Kinds kinds_;
  std::map<int64_t, InputSums> sums_;
};

}  // namespace

InputMoments gather_moments(const StageSource& source, const InputNeeds& needs,
                            const std::string& unit) {
  if (!needs.hessian && !needs.ranges && !needs.aim) {
    InputMoments none;
    for (const auto& reader : source.readers) none[reader.expert] = {};
    return none;
  }
  InputMoments moments = Gatherer(source, needs).gather(unit);
  borrow(moments);
  return moments;
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

const StageMoments& moments_of(const InputMoments& inputs, const BlockConfig& config,
                               const Unit& unit) {
  return inputs.at(config.linears[unit.linears.front()].expert);
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

bool adds_to_residual(const BlockConfig& config, Stage stage) {
  if (config.residual_scale != 1) return false;
  return (stage == Stage::AttentionOut && !config.has(Side::AfterAttentionNorm)) ||
         (stage == Stage::MlpOut && !config.has(Side::AfterMlpNorm) && !config.parallel &&
          !config.mixture());
}

at::Tensor aimed_weight(const StageMoments& moments, const QuantProblem& problem) {
  if (!moments.input_lack.defined()) return problem.weight;
  const auto& factor = moments.hessian->factor(/*act_order=*/false, kDamp);
  if (!factor.upper.defined()) return problem.weight;
  at::Tensor lack = at::mm(problem.weight, moments.input_lack);
  if (moments.residual_lack.defined()) lack += moments.residual_lack;
  return problem.weight + at::mm(at::mm(lack, factor.upper.t()), factor.upper);
}

}  // namespace mpq
