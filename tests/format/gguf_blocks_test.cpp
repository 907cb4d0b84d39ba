// ggml's blocks, read as gguf reads them (tools/golden/make_gguf_block_goldens.py), and written.
#include "mpq/format/gguf_blocks.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {
using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(const at::Tensor& bytes) {
  return {static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()};
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.contiguous().view(at::kInt).equal(b.contiguous().view(at::kInt));
}

/// Every named encoding that GGUF holds.
std::vector<std::pair<std::string, Encoding>> gguf_encodings() {
  std::vector<std::pair<std::string, Encoding>> held;
  for (const auto& [name, encoding] : named_encodings()) {
    if (name != "fp8") held.emplace_back(name, encoding);
  }
  return held;
}

/// float16 numbers of both signs, as float32.
at::Tensor random_halves(at::IntArrayRef shape) {
  return (at::randn(shape) * at::exp(at::randn(shape) * 3)).to(at::kHalf).to(at::kFloat);
}

at::Tensor random_whole(int64_t least, int64_t greatest, at::IntArrayRef shape) {
  return at::randint(least, greatest + 1, shape).to(at::kFloat);
}

Grid random_block_grid(const Encoding& encoding, int64_t out, int64_t in) {
  const at::DimVector groups{out, in / encoding.group};
  Grid grid;
  switch (encoding.scale) {
    case ScaleCode::Float:
      grid.scale = random_halves(groups);
      if (encoding.zero == Zero::Offset) grid.offset = random_halves(groups);
      return grid;
    case ScaleCode::E8M0:
      grid.scale = at::exp2(random_whole(-126, 100, groups));
      return grid;
    case ScaleCode::E4M3:
      grid.super_scale = at::ones({out, 1});
      grid.scale_code = at::randn(groups).abs().to(at::kFloat8_e4m3fn).to(at::kFloat);
      grid.scale = grid.scale_code;
      return grid;
    case ScaleCode::Sub:
      break;
  }
  const int64_t supers = in / encoding.super_group, top = int64_t{1} << encoding.sub_bits;
  const int64_t least = encoding.symmetric() ? -top / 2 : 0;
  const auto scaled = [&](const at::Tensor& super, const at::Tensor& code) {
    return (super.unsqueeze(2) * code.view({out, supers, -1})).view(groups);
  };
  grid.scale_code = random_whole(least, least + top - 1, groups);
  grid.super_scale = random_halves({out, supers});
  grid.scale = scaled(grid.super_scale, grid.scale_code);
  if (encoding.zero == Zero::Offset) {
    grid.offset_code = random_whole(0, top - 1, groups);
    grid.super_offset = random_halves({out, supers});
    grid.offset = -scaled(grid.super_offset, grid.offset_code);
  }
  return grid;
}

QuantizedLinear random_rows(const Encoding& encoding, int64_t out = 5, int64_t in = 512) {
  at::manual_seed(7);
  QuantizedLinear rows;
  rows.encoding = encoding;
  rows.codes = at::randint(0, top_code(encoding) + 1, {out, in}).to(at::kByte);
  rows.grid = random_block_grid(encoding, out, in);
  if (encoding.element == Element::Int && encoding.zero == Zero::Middle) {
    rows.grid.zero = at::full_like(rows.grid.scale, 1 << (encoding.bits - 1));
  }
  return rows;
}

at::Tensor packed(const QuantizedLinear& rows) {
  const int64_t row_bytes = gguf_row_bytes(rows.encoding, rows.in());
  at::Tensor bytes = at::empty({rows.out(), row_bytes}, at::kByte);
  pack_gguf_rows(rows, static_cast<std::byte*>(bytes.mutable_data_ptr()));
  return bytes;
}

TEST(GgufBlocks, ReadAsGgufDoes) {
  const SafetensorsFile golden(source_path("tests/golden/gguf/blocks.safetensors"));
  const Json types = Json::parse(golden.metadata().at("meta")).at("types");
  for (const auto& [name, encoding] : gguf_encodings()) EXPECT_TRUE(types.contains(name)) << name;
  for (const auto& [name, number] : types.items()) {
    const auto type = number.get<uint32_t>();
    const at::Tensor bytes = golden.tensor(name + ".bytes");
    const at::Tensor values = golden.tensor(name + ".values");
    EXPECT_EQ(gguf_type_name(type), name);
    EXPECT_EQ(gguf_row_bytes(type, values.size(1)), bytes.size(1)) << name;
    const auto found = unpack_gguf_rows(type, bytes_of(bytes), values.size(0), values.size(1));
    EXPECT_TRUE(same_bits(found, values)) << name;
  }
}

TEST(GgufBlocks, TypesAndEncodingsGoBothWays) {
  for (const auto& [name, encoding] : gguf_encodings()) {
    const uint32_t type = gguf_type(encoding);
    EXPECT_EQ(gguf_type_name(type), name);
    EXPECT_EQ(gguf_encoding(type), encoding) << name;
    EXPECT_EQ(gguf_row_bytes(encoding, 512), gguf_row_bytes(type, 512)) << name;
    EXPECT_EQ(512 % gguf_block_columns(type), 0) << name;
  }
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    EXPECT_EQ(gguf_encoding(gguf_type(dtype)), full_precision());
  }
  EXPECT_EQ(gguf_encoding(35), std::nullopt);  // TQ2_0
  EXPECT_EQ(gguf_row_bytes(full_precision(), 3), 6);
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [] { gguf_type(integers(3, 128, true)); }),
              HasSubstr("bits=3"));
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [] { gguf_type(parse_encoding("fp8")); }),
              HasSubstr("fp8"));
  error_of(ErrorCode::Unsupported, [] { gguf_type(at::kDouble); });
}

TEST(GgufBlocks, WhatIsWrittenReadsAsDequantized) {
  for (const auto& [name, encoding] : gguf_encodings()) {
    const QuantizedLinear rows = random_rows(encoding);
    const at::Tensor bytes = packed(rows);
    const auto found =
        unpack_gguf_rows(gguf_type(encoding), bytes_of(bytes), rows.out(), rows.in());
    const auto expected = dequantize(rows);
    EXPECT_TRUE(found.equal(expected)) << name;
    // The scale of q2_0 changes its sign, and with it the sign of its zeros.
    EXPECT_TRUE(name == "q2_0" || same_bits(found, expected)) << name;
  }
}

TEST(GgufBlocks, SlicesAreWrittenAsTheirRows) {
  const QuantizedLinear rows = random_rows(parse_encoding("q4_k"));
  const at::Tensor bytes = packed(rows);
  EXPECT_TRUE(packed(slice_rows(rows, 1, 3)).equal(bytes.narrow(0, 1, 3)));
}

TEST(GgufBlocks, NothingIsRounded) {
  const auto fails = [](const std::string& name, const std::function<void(Grid&)>& damage) {
    QuantizedLinear rows = random_rows(parse_encoding(name), 1, 256);
    damage(rows.grid);
    EXPECT_THAT(error_of(ErrorCode::Internal, [&] { packed(rows); }), HasSubstr(name));
  };
  for (const float value : {0.1F, 70000.0F, 1e-9F, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    fails("q4_0", [&](Grid& grid) { grid.scale[0][7] = value; });
    fails("q5_1", [&](Grid& grid) { grid.offset[0][7] = value; });
    fails("q6_k", [&](Grid& grid) { grid.super_scale[0][0] = value; });
    fails("q2_k", [&](Grid& grid) { grid.super_offset[0][0] = value; });
    fails("q3_k", [&](Grid& grid) { grid.scale_code[0][15] = value; });
  }
  fails("q3_k", [](Grid& grid) { grid.scale_code[0][3] = 32; });
  fails("q4_k", [](Grid& grid) { grid.scale_code[0][3] = -1; });
  fails("q4_k", [](Grid& grid) { grid.offset_code[0][3] = 64; });
  fails("q6_k", [](Grid& grid) { grid.scale_code[0][3] = 128; });
  fails("iq4_xs", [](Grid& grid) { grid.scale_code[0][3] = -33; });
  fails("mxfp4", [](Grid& grid) { grid.scale[0][0] = 3; });
  fails("mxfp4", [](Grid& grid) { grid.scale[0][0] = 0; });
  fails("nvfp4", [](Grid& grid) { grid.scale_code[0][0] = -1; });
  fails("nvfp4", [](Grid& grid) { grid.scale_code[0][0] = 480; });
}

TEST(GgufBlocks, WrongRowsAreInternalErrors) {
  QuantizedLinear rows = random_rows(parse_encoding("iq4_nl"), 2, 64);
  rows.codes[1][63] = 16;
  EXPECT_THAT(error_of(ErrorCode::Internal, [&] { packed(rows); }), HasSubstr("code 16"));
  rows = random_rows(parse_encoding("q4_1"), 2, 64);
  rows.grid.offset = at::Tensor();
  error_of(ErrorCode::Internal, [&] { packed(rows); });
  rows.grid.offset = at::zeros({2, 1});
  error_of(ErrorCode::Internal, [&] { packed(rows); });
}

TEST(GgufBlocks, WrongSizesAreFormatErrors) {
  const uint32_t q4_k = gguf_type(parse_encoding("q4_k"));
  const std::vector<std::byte> bytes(288);
  const std::span<const std::byte> all(bytes);
  EXPECT_EQ(unpack_gguf_rows(q4_k, all, 2, 256).sizes(), at::IntArrayRef({2, 256}));
  constexpr int64_t kHuge = int64_t{1} << 62;
  for (const auto& [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{{1, 256},
                                                                              {3, 256},
                                                                              {2, 255},
                                                                              {2, 0},
                                                                              {0, 256},
                                                                              {-2, 256},
                                                                              {2, -256},
                                                                              {kHuge, 256},
                                                                              {2, kHuge},
                                                                              {kHuge / 128, 256}}) {
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { unpack_gguf_rows(q4_k, all, rows, columns); }),
                HasSubstr("q4_k"));
  }
  for (const size_t size : {size_t{0}, size_t{287}}) {
    error_of(ErrorCode::Format, [&] { unpack_gguf_rows(q4_k, all.first(size), 2, 256); });
  }
  error_of(ErrorCode::Format, [&] { unpack_gguf_rows(gguf_type(at::kFloat), all, 2, 35); });
  error_of(ErrorCode::Format, [] { gguf_row_bytes(parse_encoding("nvfp4"), 16); });
}

TEST(GgufBlocks, TypesThatAreNotReadAreNamed) {
  const std::vector<std::byte> bytes(110);
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { unpack_gguf_rows(21, bytes, 1, 256); }),
              HasSubstr("iq3_s"));
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { unpack_gguf_rows(4, bytes, 1, 256); }),
              HasSubstr("ggml type 4:"));
}

}  // namespace
}  // namespace mpq
