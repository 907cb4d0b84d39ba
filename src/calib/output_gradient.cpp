// The cross entropy's gradient by the logits is softmax - target; autograd takes it through the
// head and the final norm.
#include "output_gradient.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/model/divergence.h"

namespace mpq {
namespace {

/// The token that follows each row's, int64 [rows]; -1 after a sequence's last one.
at::Tensor next_tokens(const BatchPlan& plan) {
  const at::Tensor ids = plan.ids();
  at::Tensor next = at::full({plan.rows()}, -1, at::kLong);
  if (plan.rows() < 2) return next;
  const at::Tensor sequence = plan.sequence_of_row();
  const int64_t rows = plan.rows() - 1;
  const auto same = sequence.narrow(0, 1, rows).eq(sequence.narrow(0, 0, rows));
  next.narrow(0, 0, rows).copy_(at::where(same, ids.narrow(0, 1, rows), -1));
  return next;
}

/// softmax - target of a chunk of rows; rows without a target have no loss.
at::Tensor logit_gradient(const at::Tensor& probabilities, const at::Tensor& target) {
  at::Tensor gradient = probabilities.clone();
  gradient.scatter_add_(1, target.clamp_min(0).unsqueeze(1),
                        at::full({target.size(0), 1}, -1, gradient.options()));
  return gradient.masked_fill_(target.lt(0).unsqueeze(1), 0);
}

}  // namespace

at::ScalarType gradient_dtype(const BackwardLoss& loss, at::ScalarType stream) {
  return loss.draws > 0 ? at::kBFloat16 : stream;
}

Streams output_gradients(const BackwardPass& pass, const at::Tensor& hidden,
                         const BackwardLoss& loss) {
  const Model& model = pass.model;
  Streams result;
  for (int draw = 0; draw < loss.count(); ++draw)
    result.push_back(pass.memory.allocate(hidden.size(0), hidden.size(1),
                                          gradient_dtype(loss, hidden.scalar_type())));
  auto generator = at::detail::createCPUGenerator(loss.seed);
  const at::Tensor next = next_tokens(pass.plan);
  const int64_t step = logit_rows(model);
  for (int64_t first = 0; first < hidden.size(0); first += step) {
    const int64_t count = std::min(step, hidden.size(0) - first);
    const at::AutoGradMode gradients(true);
    auto leaf = hidden.narrow(0, first, count).to(model.device()).clone().requires_grad_();
    const at::Tensor logits = model.logits(leaf);
    const at::Tensor probabilities = at::softmax(logits.detach(), -1);
    require(at::isfinite(probabilities).all().item<bool>(), ErrorCode::Numeric,
            "{}: the model's own output on the task holds NaN or infinity; try --dtype float32, or "
            "check the checkpoint",
            model.folder());
    const at::Tensor targets = loss.draws > 0
                                   ? at::multinomial(probabilities.to(at::kFloat), loss.draws,
                                                     /*replacement=*/true, generator)
                                   : next.narrow(0, first, count).unsqueeze(1);
    for (int draw = 0; draw < loss.count(); ++draw) {
      logits.backward(logit_gradient(probabilities, targets.select(1, draw)),
                      /*retain_graph=*/draw + 1 < loss.count());
      result[static_cast<size_t>(draw)].narrow(0, first, count).copy_(leaf.grad());
      leaf.mutable_grad() = at::Tensor();
    }
  }
  if (!pass.scored_rows.defined()) return result;
  const at::Tensor others =
      at::ones({hidden.size(0), 1}, at::kBool).index_fill_(0, pass.scored_rows, 0);
  for (auto& gradient : result) gradient.masked_fill_(others, 0);
  return result;
}

}  // namespace mpq
