// Token ids and logits of prompts, for comparing with other implementations.
#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/io/output_file.h"
#include "mpq/io/output_folder.h"
#include "mpq/io/safetensors.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/checkpoint_path.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/inspect.h"

namespace mpq {
namespace {

std::vector<TokenSequence> sequences_of(const EvalOptions& options, const std::string& folder,
                                        const Tokenizer& tokenizer) {
  require(!options.task.empty() || !options.text.empty(), ErrorCode::Usage,
          "nothing to read: give --task FILE, --text FILE or both");
  const EvalInput input = file_input(options, folder, tokenizer);
  std::vector<TokenSequence> sequences;
  for (const auto& prompt : input.prompts) sequences.push_back(prompt.tokens);
  sequences.insert(sequences.end(), input.text.begin(), input.text.end());
  if (options.limit > 0 && static_cast<int64_t>(sequences.size()) > options.limit)
    sequences.resize(static_cast<size_t>(options.limit));
  return sequences;
}

}  // namespace

std::vector<TokenSequence> tokenize_input(const EvalOptions& options) {
  require(!options.model.empty(), ErrorCode::Usage, "--model is missing: name a checkpoint folder");
  const std::string folder = checkpoint_folder(options.model);
  const auto tokenizer = Tokenizer::load(folder);
  if (options.task.empty() && !options.text.empty()) {
    // Whole documents: this is how tokenizers are compared.
    std::vector<TokenSequence> sequences;
    for (const auto& path : options.text) {
      for (const auto& document : read_text_documents(path))
        sequences.push_back(tokenizer->encode(document));
    }
    if (options.limit > 0 && static_cast<int64_t>(sequences.size()) > options.limit)
      sequences.resize(static_cast<size_t>(options.limit));
    return sequences;
  }
  return sequences_of(options, folder, *tokenizer);
}

Json write_logits(const CommonOptions& common, const EvalOptions& options, const std::string& out) {
  require(!options.model.empty(), ErrorCode::Usage, "--model is missing: name a checkpoint folder");
  require(!out.empty(), ErrorCode::Usage, "--out is missing: name a .safetensors file");
  require_apart(out, inputs_of(options), "--out");
  require_output_file(out, "\"prompt.0\"", common.overwrite);
  const std::string folder = checkpoint_folder(options.model);
  const auto tokenizer = Tokenizer::load(folder);
  const auto sequences = sequences_of(options, folder, *tokenizer);
  require(!sequences.empty(), ErrorCode::Usage, "there are no prompts in what was given");
  const auto model = open_model(options.model, common.compute);
  if (common.dry_run) {
    Json summary = {
        {"stage", "logits"}, {"out", out}, {"prompts", sequences.size()}, {"dry_run", true}};
    summary.update(estimate_evaluation(*model, count_tokens(sequences), 1));
    return summary;
  }
  MemoryBudget memory = memory_budget(common);
  const BatchPlan plan(sequences, kBatchTokens);
  const at::Tensor hidden = forward_model(*model, plan, memory);
  std::vector<TensorPlan> tensors;
  for (int64_t i = 0; i < plan.sequences(); ++i)
    tensors.push_back(
        {fmt::format("prompt.{}", i), at::kFloat, {plan.length(i), model->config().vocab}});
  SafetensorsWriter writer(out, tensors);
  for (int64_t i = 0; i < plan.sequences(); ++i) {
    const auto rows = hidden.narrow(0, plan.first_row(i), plan.length(i)).to(model->device());
    writer.write(tensors[static_cast<size_t>(i)].name, model->logits(rows).cpu());
  }
  writer.finish();
  return {{"stage", "logits"}, {"out", out}, {"prompts", plan.sequences()}};
}

}  // namespace mpq
