// Lays a quantized linear out, and reads it back.
#include "mpq/format/linear_tensors.h"

#include <ATen/ATen.h>

#include "grid_tensors.h"
#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

std::string piece_prefix(const std::string& prefix, size_t piece) {
  return fmt::format("{}.{}", prefix, piece);
}

template <class Item>
void append(std::vector<Item>& items, std::vector<Item> more) {
  for (auto& item : more) items.push_back(std::move(item));
}

/// One bit a channel, set where it is high-impact: all that `order` says, since channels ascend
/// within both parts. uint8 [ceil(in / 8)], channel i is bit i mod 8 of byte i / 8.
at::Tensor high_mask(const at::Tensor& order, const Encoding& encoding) {
  const int64_t in = order.size(0);
  const int64_t high = high_channels(encoding, in);
  const at::Tensor flags = at::zeros({in}, at::kByte);
  flags.index_fill_(0, order.narrow(0, in - high, high), 1);
  return pack_stream(flags.unsqueeze(0), 1).view(at::kByte).narrow(0, 0, (in + 7) / 8).clone();
}

at::Tensor order_of_mask(const at::Tensor& mask, const Encoding& encoding, int64_t in,
                         const std::string& name) {
  const auto bits = at::arange(in, at::kLong);
  const auto flags = mask.index_select(0, at::floor_divide(bits, 8))
                         .bitwise_right_shift(at::remainder(bits, 8).to(at::kByte))
                         .bitwise_and(1);
  const auto high = flags.nonzero().flatten();
  require(high.size(0) == high_channels(encoding, in), ErrorCode::Format,
          "{}: expected {} of {} channels to be high-impact, found {}; the file is damaged", name,
          high_channels(encoding, in), in, high.size(0));
  return at::cat({flags.eq(0).nonzero().flatten(), high});
}

/// A table of levels may have fewer than its width can count.
at::Tensor checked_codes(at::Tensor codes, const Encoding& encoding, const std::string& name) {
  const bool all = top_code(encoding) == (1 << encoding.bits) - 1;
  require(all || codes.max().item<int64_t>() <= top_code(encoding), ErrorCode::Format,
          "{}.codes: a code is beyond the {} levels; the file is damaged", name,
          top_code(encoding) + 1);
  return codes;
}

}  // namespace

std::vector<TensorPlan> linear_plan(const std::string& prefix, const Encoding& encoding,
                                    int64_t out, int64_t in) {
  std::vector<TensorPlan> plan;
  if (!encoding.hybrid()) {
    const auto words = packed_words(static_cast<size_t>(in), encoding.bits);
    plan.push_back({prefix + ".codes", at::kInt, {out, static_cast<int64_t>(words)}});
    append(plan, grid_plan(prefix, encoding, out, in));
    return plan;
  }
  plan.push_back({prefix + ".high", at::kByte, {(in + 7) / 8}});
  const auto pieces = pieces_of(encoding, in, prefix);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto& [own, columns] = pieces[i];
    const std::string name = piece_prefix(prefix, i);
    plan.push_back({name + ".codes", at::kInt, {stream_words(out, columns, own.bits)}});
    append(plan, grid_plan(name, own, out, columns));
  }
  return plan;
}

std::vector<at::Tensor> linear_tensors(const std::string& prefix, const QuantizedLinear& linear) {
  std::vector<at::Tensor> tensors;
  if (linear.pieces.empty()) {
    tensors.push_back(pack_rows(linear.codes, linear.encoding.bits));
    append(tensors, grid_tensors(prefix, linear.encoding, linear.grid));
    return tensors;
  }
  tensors.push_back(high_mask(linear.order, linear.encoding));
  for (size_t i = 0; i < linear.pieces.size(); ++i) {
    const auto& piece = linear.pieces[i];
    tensors.push_back(pack_stream(piece.codes, piece.encoding.bits));
    append(tensors, grid_tensors(piece_prefix(prefix, i), piece.encoding, piece.grid));
  }
  return tensors;
}

QuantizedLinear read_linear(const std::string& prefix, const Encoding& encoding, int64_t out,
                            int64_t in, const LoadTensor& load) {
  QuantizedLinear linear;
  linear.encoding = encoding;
  if (!encoding.hybrid()) {
    linear.codes =
        checked_codes(unpack_rows(load(prefix + ".codes"), encoding.bits, in), encoding, prefix);
    linear.grid = read_grid(prefix, encoding, out, in, load);
    return linear;
  }
  linear.order = order_of_mask(load(prefix + ".high"), encoding, in, prefix + ".high");
  for (const auto& [own, columns] : pieces_of(encoding, in, prefix)) {
    const std::string name = piece_prefix(prefix, linear.pieces.size());
    QuantizedLinear piece;
    piece.encoding = own;
    piece.codes = unpack_stream(load(name + ".codes"), own.bits, out, columns);
    piece.grid = read_grid(name, own, out, columns, load);
    linear.pieces.push_back(std::move(piece));
  }
  return linear;
}

Encoding read_encoding(const Json& linear, int64_t out, int64_t in, const std::string& where) {
  constexpr int64_t kMost = int64_t{1} << 31;  // so that no product of two sizes overflows
  require(out > 0 && out < kMost && in > 0 && in < kMost, ErrorCode::Format,
          "{}: [{}, {}] are no sizes of a linear", where, out, in);
  const auto text = json_get<std::string>(linear, "encoding", where);
  try {
    const Encoding encoding = parse_encoding(text);
    require(!encoding.plain() && at::isFloatingType(encoding.scale_dtype), ErrorCode::Format,
            "{}: \"{}\" is not an encoding whose scales have a dtype", where, text);
    pieces_of(encoding, in, where);
    return encoding;
  } catch (const Error& error) {
    fail(ErrorCode::Format, "{}: encoding: {}", where, error.what());
  }
}

}  // namespace mpq
