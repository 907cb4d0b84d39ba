// Builds the context and the slow, direct measurement.
#include "tests/score/small_context.h"

#include <ATen/ATen.h>

#include "mpq/model/divergence.h"
#include "tests/support/source_path.h"

namespace mpq {

SmallContext::SmallContext(std::vector<std::string> candidates, const std::string& dtype,
                           const std::string& folder) {
  const std::string path = source_path(folder);
  model =
      std::make_unique<Model>(path, open_safetensors_folder(path), ComputeOptions{.dtype = dtype});
  for (int i = 0; i < 6; ++i) {
    CalibrationPrompt prompt;
    for (int token = 0; token < 8 + i; ++token)
      prompt.tokens.push_back(1 + (i * 131 + token * 37) % 500);
    prompts.task.push_back(prompt);
  }
  for (int i = 0; i < 2; ++i) {
    TokenSequence text;
    for (int token = 0; token < 20; ++token) text.push_back(1 + (i * 20 + token) * 61 % 500);
    prompts.text.push_back(text);
  }
  std::vector<TokenSequence> task;
  for (const auto& prompt : prompts.task) task.push_back(prompt.tokens);
  statistics = block_statistics(*model, task, {}, memory);
  for (auto& unit : make_units(model->config(), true)) context.units.push_back({unit, candidates});
  context.model = model.get();
  context.prompts = &prompts;
  context.statistics = &statistics;
  context.groups = calibration_groups(prompts, {});
  context.memory = &memory;
}

void SmallContext::edit(const Edits& edits, const std::string& dtype) {
  const std::string folder = model->folder();
  model = std::make_unique<Model>(folder, std::make_unique<EditedSource>(folder, edits),
                                  ComputeOptions{.dtype = dtype});
  context.model = model.get();
}

void overflow_together(SmallContext& small) {
  const auto ones = [](const at::Tensor& weight) { return at::ones_like(weight); };
  // The 2 bit codes of 0, 0.18, 0.18, 1 are 0, 1, 1, 3: a group's sum grows from 1.36 to 5 / 3.
  const auto growing = [](double factor) {
    return [factor](const at::Tensor& weight) {
      const at::Tensor group = at::tensor({0.0, 0.18, 0.18, 1.0}) * factor;
      return group.repeat({weight.size(0), weight.size(1) / 4}).to(weight.scalar_type());
    };
  };
  // Sequences of one token, all of them ones: attention's output is 16 groups of 16 groups, (16 *
  // 1.36)^2 * 102 = 48.3 thousand; 59.2 thousand with one of both, 72.5 with both. float16 ends at
  // 65.5 thousand.
  const std::string block = "model.layers.0.";
  small.edit({{"model.embed_tokens.weight", ones},
              {block + "input_layernorm.weight", ones},
              {block + "self_attn.v_proj.weight", growing(1)},
              {block + "self_attn.o_proj.weight", growing(102)}},
             "float16");
  small.prompts.task.clear();
  small.prompts.text.clear();
  for (int32_t token = 1; token < 5; ++token) small.prompts.task.push_back({{}, {token}});
  small.context.groups = calibration_groups(small.prompts, {});
}

ScoreTable run(const std::string& scorer, const SmallContext& small) {
  return Registry<Scorer>::instance().make(scorer)->score(small.context);
}

double direct_kl(const SmallContext& small,
                 const std::vector<std::pair<Unit, at::Tensor>>& replaced) {
  const Model& model = *small.model;
  std::vector<TokenSequence> task;
  for (const auto& prompt : small.prompts.task) task.push_back(prompt.tokens);
  const BatchPlan plan(task, 4096);
  MemoryBudget memory(-1, "/tmp");
  at::Tensor base = embed_all(model, plan, memory);
  at::Tensor changed = base.clone();
  for (int64_t index = 0; index < model.config().layers; ++index) {
    const DecoderBlock block = model.load_block(index);
    forward_all(block, plan, base, base);
    DecoderBlock used = block;
    for (const auto& [unit, weight] : replaced) {
      if (unit.block == index) used = with_unit_weight(used, unit, weight);
    }
    forward_all(used, plan, changed, changed);
  }
  return kl_rows(model.logits(base), model.logits(changed)).mean().item<double>();
}

}  // namespace mpq
