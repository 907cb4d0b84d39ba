// Walks the blocks once, trying all candidates of each unit from the block's state at its stage.
#include "mpq/score/candidate_walk.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/calib/block_pass.h"
#include "mpq/calib/block_training.h"
#include "mpq/calib/stage_moments.h"
#include "mpq/model/fold.h"
#include "mpq/model/parallel_each.h"
#include "mpq/quant/encoding_options.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/score/visit_blocks.h"

namespace mpq {
namespace {

using Methods = std::vector<std::vector<Method>>;

/// By unit and candidate.
Methods make_methods(const ScoreContext& context, const std::string& instead) {
  Methods all;
  for (const auto& unit : context.units) {
    all.emplace_back();
    for (const auto& spec : unit.candidates)
      all.back().push_back(make_method(substitute_quantizer(spec, instead), context.stored_dtype));
  }
  return all;
}

/// What the candidates at a stage of a block must see. Those that aim are measured from
/// full-precision inputs, where there is nothing to make up for.
InputNeeds stage_needs(const ScoreContext& context, const Methods& methods, int64_t block,
                       Stage stage) {
  InputNeeds needs;
  for (size_t u = 0; u < methods.size(); ++u) {
    if (context.units[u].unit.block != block || context.units[u].unit.stage != stage) continue;
    for (const auto& [quantizer, encoding] : methods[u]) {
      if (quantizer != nullptr) needs = both(needs, quantizer->needs());
    }
  }
  needs.aim = false;
  return needs;
}

/// Quantizes the candidates of one block after the other.
class CandidateTrials {
 public:
  CandidateTrials(const ScoreContext& context, const CandidateWalk& walk)
      : context_(context),
        walk_(walk),
        probed_(probed_groups(context)),
        probed_groups_(pick(context.groups, probed_)),
        methods_(make_methods(context, walk.quantizer)) {
    for (const auto& unit : methods_) {
      for (const auto& [quantizer, encoding] : unit)
        needs_target_ = needs_target_ || (quantizer != nullptr && quantizer->needs().steps > 0);
    }
  }

  /// Shows a block; `input` is of all groups, as is the output that it returns.
  Streams run_block(const DecoderBlock& block, const Streams& input) {
    const Streams probed_input = pick(input, probed_);
    if (walk_.enter) walk_.enter(block, probed_input);
    if (needs_target_) target_ = forward_groups(block, context_.groups, input, *context_.memory);
    BlockPass pass(context_.groups, input, *context_.memory,
                   kept_inputs(*block.config, context_.groups, walk_.candidate != nullptr,
                               context_.kept_bytes));
    for (int stage = 0; stage < kStages; ++stage) {
      try_stage(block, input, pass);
      pass.advance(block);
    }
    Streams output = pass.finish(block);
    if (walk_.leave) walk_.leave(block.index, probed_input, pick(output, probed_));
    return output;
  }

 private:
  void try_stage(const DecoderBlock& block, const Streams& input, const BlockPass& pass) {
    const ModelConfig& config = context_.model->config();
    const Stage stage = pass.stage();
    const StageSource source{
        .groups = context_.groups,
        .text_share = context_.text_share,
        .rows = [&](size_t group, const Batch& batch) { return pass.rows(block, group, batch); },
        .readers = linears_of(*block.config, stage)};
    const InputMoments moments =
        gather_moments(source, stage_needs(context_, methods_, block.index, stage),
                       config.block_prefix(block.index) + stage_name(stage));
    for (size_t u = 0; u < context_.units.size(); ++u) {
      const Unit& unit = context_.units[u].unit;
      if (unit.block != block.index || unit.stage != stage) continue;
      const at::Tensor weight = stacked_weight(block, unit);
      const auto quantize = [&](size_t c) {
        return quantized_weight(methods_[u][c], block, unit, weight, moments, input);
      };
      Streams ready =
          small_solvers(methods_[u], weight) ? all_of(methods_[u], quantize) : Streams{};
      for (size_t c = 0; c < methods_[u].size(); ++c) {
        if (methods_[u][c].quantizer == nullptr) continue;
        const at::Tensor dequantized = ready.empty() ? quantize(c) : std::move(ready[c]);
        if (context_.quantizations != nullptr) ++*context_.quantizations;
        if (walk_.weights) walk_.weights(u, c, dequantized - weight);
        if (!walk_.candidate) continue;
        BlockPass branch = pass.branch(probed_groups_);
        walk_.candidate({u, c, branch.finish(with_unit_weight(block, unit, dequantized))});
      }
    }
  }

  /// Whether a unit's candidates are quantized side by side: small matrices keep few threads busy,
  /// and all results wait in memory.
  static bool small_solvers(const std::vector<Method>& methods, const at::Tensor& weight) {
    constexpr int64_t kSmall = int64_t{1} << 22;
    return weight.numel() <= kSmall &&
           std::all_of(methods.begin(), methods.end(), [](const Method& method) {
             return method.quantizer == nullptr || method.quantizer->needs().steps == 0;
           });
  }

  /// The first one makes what all share, with all threads.
  static Streams all_of(const std::vector<Method>& methods,
                        const std::function<at::Tensor(size_t)>& quantize) {
    Streams results(methods.size());
    const auto make = [&](int64_t index) {
      const auto c = static_cast<size_t>(index);
      if (methods[c].quantizer != nullptr) results[c] = quantize(c);
    };
    if (!methods.empty()) make(0);
    parallel_each(static_cast<int64_t>(methods.size()) - 1, /*apart=*/true,
                  [&](int64_t rest) { make(rest + 1); });
    return results;
  }

  at::Tensor quantized_weight(const Method& method, const DecoderBlock& block, const Unit& unit,
                              const at::Tensor& weight, const InputMoments& moments,
                              const Streams& input) const {
    const Quantizer& quantizer = *method.quantizer;
    const bool learns = quantizer.needs().steps > 0;
    std::vector<at::Tensor> rows;
    std::vector<LearningUnit> learning;
    int64_t row = 0;
    for (const Unit& part : parts_by_input(*block.config, unit)) {
      QuantProblem problem{.name = part.name,
                           .weight = weight.narrow(0, row, part.out),
                           .encoding = method.encoding};
      row += part.out;
      describe_inputs(moments_of(moments, *block.config, part), part, quantizer.needs(),
                      context_.fisher, problem);
      const at::Tensor scale =
          foldable_scale(block, part.stage, context_.stored_dtype, quantizer.input_scale(problem));
      if (learns) {
        learning.push_back({part, quantizer.learn(scaled_problem(problem, scale)),
                            quantizer.needs().steps, scale});
      } else {
        rows.push_back(dequantize(quantize_scaled(quantizer, problem, scale)));
      }
    }
    const BlockReconstruction reconstruction{context_.groups, input, target_, context_.text_share};
    if (learns) {
      for (const auto& learned : train_block(reconstruction, block, learning))
        rows.push_back(dequantize(learned));
    }
    return rows.size() == 1 ? rows.front() : at::cat(rows, 0);
  }

  const ScoreContext& context_;
  const CandidateWalk& walk_;
  std::vector<size_t> probed_;
  std::vector<SequenceGroup> probed_groups_;
  Methods methods_;
  bool needs_target_ = false;
  Streams target_;  // the block's full-precision output, for quantizers that train on it
};

}  // namespace

void walk_candidates(const ScoreContext& context, const CandidateWalk& walk, ScoreTable& table) {
  CandidateTrials trials(context, walk);
  visit_blocks(context, {walk.title, walk.products}, table,
               [&](const DecoderBlock& block, Streams& hidden) {
                 hidden = trials.run_block(block, hidden);
               });
}

int64_t walk_products(const ScoreContext& context, const std::string& quantizer, bool outputs) {
  const ModelConfig& config = context.model->config();
  const Methods methods = make_methods(context, quantizer);
  const int64_t rows = total_rows(context.groups);
  int64_t products = rows * model_products(config);
  bool needs_target = false;
  for (int64_t index = 0; index < config.layers; ++index) {
    const BlockConfig& block = config.block(index);
    const auto kept = kept_inputs(block, context.groups, outputs, context.kept_bytes);
    const auto again = moment_rows(context.groups, context.text_share,
                                   stage_needs(context, methods, index, Stage::MlpOut), kept);
    products += again.own * stage_products(block, Stage::MlpIn);
  }
  for (size_t u = 0; u < methods.size(); ++u) {
    const Unit& unit = context.units[u].unit;
    const BlockConfig& block = config.block(unit.block);
    // A mixture's last inputs are made anew for every candidate.
    const bool anew = block.mixture() && unit.stage == Stage::MlpOut;
    const int64_t way = block_products(block, anew ? Stage::MlpIn : unit.stage);
    for (const auto& [candidate, encoding] : methods[u]) {
      if (candidate == nullptr) continue;
      if (outputs) products += probed_rows(context) * way;
      const int steps = candidate->needs().steps;
      needs_target = needs_target || steps > 0;
      if (steps > 0) products += training_products(block, context.groups, steps);
    }
  }
  return products + (needs_target ? rows * model_products(config) : 0);
}

DecoderBlock with_difference(const ScoreContext& context, const DecoderBlock& block, size_t unit,
                             const at::Tensor& difference) {
  const Unit& changed = context.units[unit].unit;
  return with_unit_weight(block, changed, stacked_weight(block, changed) + difference);
}

std::vector<size_t> probed_groups(const ScoreContext& context) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < context.groups.size(); ++i) {
    if (context.groups[i].probe) indices.push_back(i);
  }
  return indices;
}

int64_t probed_rows(const ScoreContext& context, double text_weight) {
  int64_t rows = 0;
  for (const auto& group : context.groups)
    rows += group.probe && (!group.text || text_weight > 0) ? group.plan.rows() : 0;
  return rows;
}

std::string substitute_quantizer(const std::string& spec, const std::string& quantizer) {
  if (quantizer.empty() || spec == kFullPrecision) return spec;
  Spec result = parse_spec(quantizer);
  for (const auto& [key, value] : parse_spec(spec).options) {
    if (is_encoding_option(key) && result.find(key) == nullptr) result.set(key, value);
  }
  return to_string(result);
}

int64_t count_candidates(const ScoredUnit& unit) {
  int64_t count = 0;
  for (const auto& spec : unit.candidates) count += spec == kFullPrecision ? 0 : 1;
  return count;
}

int64_t count_candidates(const ScoreContext& context) {
  int64_t count = 0;
  for (const auto& unit : context.units) count += count_candidates(unit);
  return count;
}

}  // namespace mpq
