// Carries hidden states of many sequences through blocks, batch by batch.
#include "mpq/model/activations.h"

#include <ATen/ATen.h>

#include "mpq/core/log.h"
#include "mpq/model/block_loop.h"

namespace mpq {

at::Tensor rows_of(const at::Tensor& all, const Batch& batch) {
  return all.narrow(0, batch.first_row, batch.rows);
}

at::Tensor embed_all(const Model& model, const BatchPlan& plan, MemoryBudget& memory) {
  at::Tensor hidden =
      memory.allocate(plan.rows(), model.config().hidden, wide_dtype(model.dtype()));
  const at::Tensor ids = plan.ids();
  for (const Batch& batch : plan.batches()) {
    rows_of(hidden, batch).copy_(model.embed(rows_of(ids, batch)));
  }
  return hidden;
}

void forward_all(const DecoderBlock& block, const BatchPlan& plan, const at::Tensor& hidden,
                 at::Tensor& output, ExpertRows* expert_rows) {
  for (const Batch& batch : plan.batches()) {
    check_interrupt();
    rows_of(output, batch)
        .copy_(forward_block(block, batch.runs, rows_of(hidden, batch), nullptr, expert_rows));
  }
}

at::Tensor forward_model(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                         const std::string& title) {
  const ModelConfig& config = model.config();
  Streams streams{embed_all(model, plan, memory)};
  const BlockLoop loop{.title = title, .products = plan.rows() * model_products(config)};
  for_each_block(model, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
    forward_all(block, plan, hidden[0], hidden[0]);
  });
  return streams[0];
}

}  // namespace mpq
