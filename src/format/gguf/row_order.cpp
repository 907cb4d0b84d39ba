// Rows of heads whose rotated halves llama.cpp has in turn.
#include <ATen/ATen.h>

#include "mpq/core/error.h"
#include "mpq/format/gguf_model.h"

namespace mpq {

std::vector<int64_t> gguf_row_order(int64_t rows, int64_t heads) {
  require(heads > 0 && rows > 0 && rows % (2 * heads) == 0, ErrorCode::Internal,
          "gguf: {} rows are not {} heads of two halves", rows, heads);
  const int64_t half = rows / heads / 2;
  std::vector<int64_t> order;
  order.reserve(static_cast<size_t>(rows));
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t i = 0; i < half; ++i) {
      for (const int64_t side : {int64_t{0}, int64_t{1}})
        order.push_back((2 * head + side) * half + i);
    }
  }
  return order;
}

at::Tensor row_index(const GgufTensor& tensor) {
  if (tensor.permuted_heads == 0) return {};
  return at::tensor(gguf_row_order(tensor.shape.front(), tensor.permuted_heads), at::kLong);
}

at::Tensor gguf_value(const GgufTensor& tensor, at::Tensor value) {
  const at::Tensor order = row_index(tensor);
  if (order.defined()) value = value.index_select(0, order);
  if (tensor.added != 0) value = value.to(at::kFloat) + tensor.added;
  return value;
}

}  // namespace mpq
