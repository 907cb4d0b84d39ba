// The native format: every encoding is read back, sizes are small, and damage is told.
#include <gmock/gmock.h>

#include "mpq/format/linear_tensors.h"
#include "tests/format/checkpoints.h"

namespace mpq {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

QuantizedLinear sample(const std::string& encoding) {
  at::manual_seed(3);
  return random_linear(resolved(parse_encoding(encoding), at::kBFloat16), 10, 256);
}

Tensors stored(const QuantizedLinear& linear) {
  const auto plan = linear_plan("p", linear.encoding, linear.out(), linear.in());
  const auto tensors = linear_tensors("p", linear);
  EXPECT_EQ(tensors.size(), plan.size());
  Tensors result;
  for (size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(tensors[i].sizes().vec(), plan[i].shape) << plan[i].name;
    EXPECT_EQ(tensors[i].scalar_type(), plan[i].dtype) << plan[i].name;
    result[plan[i].name] = tensors[i];
  }
  return result;
}

QuantizedLinear reread(const QuantizedLinear& linear, const Tensors& tensors) {
  return read_linear("p", linear.encoding, linear.out(), linear.in(),
                     [&](const std::string& name) { return tensors.at(name); });
}

int64_t bytes(const std::string& encoding) {
  int64_t sum = 0;
  for (const auto& [name, tensor] : stored(sample(encoding)))
    sum += static_cast<int64_t>(tensor.nbytes());
  return sum;
}

TEST(Native, EveryEncodingIsReadBack) {
  for (const auto& open : every_encoding()) {
    const auto linear = random_linear(resolved(open, at::kBFloat16), 10, 256);
    EXPECT_TRUE(dequantize(reread(linear, stored(linear))).equal(dequantize(linear)))
        << to_string(open);
  }
}

TEST(Native, EveryEncodingIsReadBackFromItsName) {
  for (const auto& open : every_encoding()) {
    const Encoding encoding = resolved(open, at::kHalf);
    EXPECT_EQ(read_encoding({{"encoding", to_string(encoding)}}, 3, 256, "here"), encoding);
  }
}

TEST(Native, TakesTheBytesOfItsCodes) {
  constexpr int64_t kRows = 10, kIn = 256, kWeights = kRows * kIn;
  EXPECT_EQ(bytes("int:bits=4,group=32,sym"), kWeights / 2 + kWeights / 32 * 2);
  EXPECT_EQ(bytes("mxfp4"), kWeights / 2 + kWeights / 32);
  EXPECT_EQ(bytes("nvfp4"), kWeights / 2 + kWeights / 16 + 4);
  EXPECT_EQ(bytes("q3_k"), kWeights * 3 / 8 + kWeights / 16 + kRows * 2);
  EXPECT_EQ(bytes("q4_k"), kWeights / 2 + kWeights / 32 * 2 + kRows * 4);
  EXPECT_EQ(bytes("fp8"), kWeights + kRows * 4);
  // 256 inputs, 33 of them high; two groups of 16-bit scales a row, one bit a channel, no padding.
  EXPECT_EQ(
      bytes("int:bits=2,group=0,sym,high=3,ratio=0.13"),
      kIn / 8 + 4 * ((kRows * 223 * 2 + 31) / 32 + (kRows * 33 * 3 + 31) / 32) + kRows * 2 * 2);
}

TEST(Native, ValuesThatTheEncodingCannotHoldAreRefused) {
  const auto refuses = [](const char* encoding, const std::function<void(Grid&)>& change) {
    QuantizedLinear linear = sample(encoding);
    change(linear.grid);
    error_of(ErrorCode::Internal, [&] { linear_tensors("p", linear); });
  };
  refuses("int:sym", [](Grid& grid) { grid.scale.fill_(1.0F / 3); });
  refuses("int:sym", [](Grid& grid) { grid.zero.fill_(7); });
  refuses("int:bits=4", [](Grid& grid) { grid.zero.fill_(1.5); });
  refuses("mxfp4", [](Grid& grid) { grid.scale.fill_(3); });
  refuses("nvfp4", [](Grid& grid) { grid.scale_code.fill_(1.01); });
  refuses("nvfp4", [](Grid& grid) { grid.super_scale[2] = 7; });
  refuses("q4_k", [](Grid& grid) { grid.offset_code.fill_(-1); });
}

TEST(Native, DamageIsAFormatError) {
  const auto refuses = [](const char* encoding, const std::string& name,
                          const std::function<void(at::Tensor&)>& change) {
    const QuantizedLinear linear = sample(encoding);
    auto tensors = stored(linear);
    tensors[name] = tensors.at(name).clone();
    change(tensors[name]);
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { reread(linear, tensors); }),
                ::testing::HasSubstr(name));
  };
  const auto fill = [](double value) {
    return [value](at::Tensor& tensor) { tensor.fill_(value); };
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  refuses("int:bits=2,group=32,high=3,ratio=0.13", "p.high",
          [](at::Tensor& mask) { mask[0].bitwise_xor_(4); });
  refuses("int:bits=3", "p.scale", fill(nan));
  refuses("int:bits=3", "p.zero", fill(8));
  refuses("int:zero=real", "p.zero", fill(nan));
  refuses("int:zero=offset", "p.offset", fill(nan));
  refuses("mxfp4", "p.scale_code", fill(255));
  refuses("mxfp4", "p.codes", fill(-1));  // level 15 of 15
  refuses("q4_k", "p.super_offset", fill(nan));
}

TEST(Native, EncodingsThatAreNoneAreFormatErrors) {
  for (const char* text : {"int:bits=1,scale=bf16", "int:group=-1,scale=bf16", "int:bits=4", "q9_z",
                           "16", "int:bits=4,group=48,scale=bf16", "q4_k"}) {
    error_of(ErrorCode::Format, [&] { read_encoding({{"encoding", text}}, 4, 128, "here"); });
  }
  error_of(ErrorCode::Format, [&] { read_encoding(Json::object(), 4, 128, "here"); });
  error_of(ErrorCode::Format, [&] { read_encoding({{"encoding", "q4_0"}}, 4, -128, "here"); });
}

}  // namespace
}  // namespace mpq
