// Packs each row of codes into its own words, rows in parallel.
#include "mpq/format/packed_tensor.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr int64_t kPackedRowsPerTask = 16;
/// So many rows end at a word's end, whatever their length.
constexpr int64_t kRowsOfWholeWords = 32;

int64_t words_of(int64_t columns, int bits) {
  return static_cast<int64_t>(packed_words(static_cast<size_t>(columns), bits));
}

}  // namespace

at::Tensor pack_rows(const at::Tensor& codes, int bits) {
  require(codes.dim() == 2 && codes.scalar_type() == at::kByte, ErrorCode::Internal,
          "pack_rows: expected a uint8 matrix");
  const at::Tensor rows = codes.cpu().contiguous();
  const int64_t columns = rows.size(1), words = words_of(columns, bits);
  at::Tensor packed = at::empty({rows.size(0), words}, at::kInt);
  const uint8_t* from = rows.const_data_ptr<uint8_t>();
  auto* to = reinterpret_cast<uint32_t*>(packed.mutable_data_ptr<int32_t>());
  at::parallel_for(0, rows.size(0), kPackedRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      pack_bits({from + r * columns, static_cast<size_t>(columns)}, bits,
                {to + r * words, static_cast<size_t>(words)});
    }
  });
  return packed;
}

at::Tensor unpack_rows(const at::Tensor& packed, int bits, int64_t columns) {
  const int64_t words = words_of(columns, bits);
  require(packed.dim() == 2 && packed.scalar_type() == at::kInt && packed.size(1) == words,
          ErrorCode::Internal, "unpack_rows: expected an int32 matrix with {} columns", words);
  const at::Tensor rows = packed.cpu().contiguous();
  at::Tensor codes = at::empty({rows.size(0), columns}, at::kByte);
  const auto* from = reinterpret_cast<const uint32_t*>(rows.const_data_ptr<int32_t>());
  uint8_t* to = codes.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, rows.size(0), kPackedRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      unpack_bits({from + r * words, static_cast<size_t>(words)}, bits,
                  {to + r * columns, static_cast<size_t>(columns)});
    }
  });
  return codes;
}

int64_t stream_words(int64_t rows, int64_t columns, int bits) {
  return words_of(rows * columns, bits);
}

at::Tensor pack_stream(const at::Tensor& codes, int bits) {
  const int64_t rows = codes.size(0);
  const int64_t whole = rows - rows % kRowsOfWholeWords;
  const auto packed = [&](int64_t first, int64_t count, int64_t lines) {
    return pack_rows(codes.narrow(0, first, count).reshape({lines, -1}), bits).flatten();
  };
  std::vector<at::Tensor> parts;
  if (whole > 0) parts.push_back(packed(0, whole, whole / kRowsOfWholeWords));
  if (whole < rows) parts.push_back(packed(whole, rows - whole, 1));
  return at::cat(parts);
}

at::Tensor unpack_stream(const at::Tensor& packed, int bits, int64_t rows, int64_t columns) {
  require(packed.dim() == 1 && packed.size(0) == stream_words(rows, columns, bits),
          ErrorCode::Internal, "unpack_stream: expected {} words",
          stream_words(rows, columns, bits));
  const int64_t whole = rows - rows % kRowsOfWholeWords;
  const int64_t words = stream_words(whole, columns, bits);
  std::vector<at::Tensor> parts;
  if (whole > 0) {
    const int64_t lines = whole / kRowsOfWholeWords;
    parts.push_back(
        unpack_rows(packed.narrow(0, 0, words).view({lines, -1}), bits, kRowsOfWholeWords * columns)
            .view({whole, columns}));
  }
  if (whole < rows) {
    parts.push_back(unpack_rows(packed.narrow(0, words, packed.size(0) - words).unsqueeze(0), bits,
                                (rows - whole) * columns)
                        .view({rows - whole, columns}));
  }
  return at::cat(parts);
}

at::Tensor pack_columns(const at::Tensor& codes, int bits) {
  return pack_rows(codes.t(), bits).t().contiguous();
}

at::Tensor unpack_columns(const at::Tensor& packed, int bits, int64_t rows) {
  return unpack_rows(packed.t(), bits, rows).t().contiguous();
}

}  // namespace mpq
