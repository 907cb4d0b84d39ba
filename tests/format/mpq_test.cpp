// The native format: what is written is read back, and damage is told.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/format/linear_tensors.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

QuantizedLinear quantized(const std::string& spec) {
  at::manual_seed(3);
  const auto x = at::randn({200, 96}, at::kFloat);
  const auto hessian = std::make_shared<Hessian>(at::mm(x.t(), x) / 100);
  return make_quantizer(spec)->quantize(
      {"w", at::randn({10, 96}, at::kFloat), hessian, at::kBFloat16});
}

std::map<std::string, at::Tensor> stored(const QuantizedLinear& linear) {
  const auto plan = linear_plan("p", linear.scheme, linear.out(), linear.in(), at::kBFloat16);
  const auto tensors = linear_tensors("p", linear, at::kBFloat16);
  std::map<std::string, at::Tensor> result;
  for (size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(tensors[i].sizes().vec(), plan[i].shape) << plan[i].name;
    EXPECT_EQ(tensors[i].scalar_type(), plan[i].dtype) << plan[i].name;
    result[plan[i].name] = tensors[i];
  }
  return result;
}

TEST(Native, EverySchemeIsReadBack) {
  for (const char* spec :
       {"rtn:bits=3,group=32", "rtn:bits=5,group=0,sym", "hqq:bits=4,group=48,integer=false",
        "hir:bits=2,high=3,ratio=0.13,group=32,iterations=0",
        "hir:bits=3,high=4,ratio=0.4,group=0,sym,iterations=0"}) {
    const QuantizedLinear linear = quantized(spec);
    const auto tensors = stored(linear);
    const auto scheme = scheme_from_json(scheme_json(linear.scheme), spec);
    EXPECT_EQ(scheme, linear.scheme) << spec;
    const auto back = read_linear("p", scheme, linear.out(), linear.in(),
                                  [&](const std::string& name) { return tensors.at(name); });
    EXPECT_TRUE(dequantize(back).equal(dequantize(linear))) << spec;
  }
}

TEST(Native, AHybridTakesOneBitAChannelAndNoPadding) {
  const QuantizedLinear linear = quantized("hir:bits=2,high=3,ratio=0.13,group=0,sym,iterations=0");
  int64_t bytes = 0;
  for (const auto& [name, tensor] : stored(linear)) bytes += static_cast<int64_t>(tensor.nbytes());
  // 96 inputs, 12 of them high; 10 rows, two groups of 16-bit scales each.
  EXPECT_EQ(bytes, 96 / 8 + 4 * ((10 * 84 * 2 + 31) / 32 + (10 * 12 * 3 + 31) / 32) + 10 * 2 * 2);
}

TEST(Native, DamageIsAFormatError) {
  const QuantizedLinear linear = quantized("hir:group=32,iterations=0");
  auto tensors = stored(linear);
  tensors["p.high"] = tensors["p.high"].clone();
  tensors["p.high"][0].bitwise_xor_(4);
  try {
    read_linear("p", linear.scheme, linear.out(), linear.in(),
                [&](const std::string& name) { return tensors.at(name); });
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Format);
    EXPECT_NE(std::string(error.what()).find("p.high"), std::string::npos);
  }
  for (const char* json :
       {R"({"bits":1,"group":32,"symmetric":true})", R"({"bits":2,"group":-1,"symmetric":true})",
        R"({"bits":2,"group":32,"symmetric":false,"high_bits":9,"high_ratio":0.1})",
        R"({"group":32,"symmetric":true})"}) {
    try {
      scheme_from_json(Json::parse(json), "here");
      ADD_FAILURE() << json;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format) << json;
    }
  }
}

}  // namespace
}  // namespace mpq
