// One loop over the task's batches, one over the text's.
#include "mpq/calib/stage_moments.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <set>

#include "borrowed_moments.h"
#include "input_sums.h"
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

/// Whether sums of task and text are blended by their squares; magnitudes are by their means.
bool blends_squares(const Kinds& kinds, const InputNeeds& needs) {
  return kinds.both() && (needs.hessian || needs.aim);
}

/// All inputs of a stage at once: each batch is read once a pass.
class Gatherer {
 public:
  Gatherer(const StageSource& source, const InputNeeds& needs)
      : source_(source), needs_(needs), kinds_(source.groups, source.text_share) {
    for (const auto& reader : source.readers)
      sums_.try_emplace(reader.reads, source, needs, reader);
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
    for (const auto& reader : source.readers) none[reader.reads] = {};
    return none;
  }
  InputMoments moments = Gatherer(source, needs).gather(unit);
  borrow_moments(moments);
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
  return inputs.at(config.linears[unit.linears.front()].reads);
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
