// GPTQ against the numpy reference of tools/golden/make_gptq.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "mpq/io/safetensors.h"
#include "tests/quant/golden_case.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

std::string gptq_goldens() { return source_path("tests/golden/gptq"); }

std::vector<std::string> gptq_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(gptq_goldens())) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

at::Tensor hessian_of(const at::Tensor& inputs) {
  const auto x = inputs.to(at::kDouble);
  return (at::mm(x.t(), x) * (2.0 / static_cast<double>(x.size(0)))).to(at::kFloat);
}

class GptqGolden : public testing::TestWithParam<std::string> {};

TEST_P(GptqGolden, EqualsTheNumpyReference) {
  const SafetensorsFile file(gptq_goldens() + "/" + GetParam() + ".safetensors");
  const auto& meta = file.metadata();
  const auto spec = fmt::format("gptq:bits={},group={},act_order={}{}", meta.at("bits"),
                                meta.at("group"), meta.at("act_order") == "1" ? "true" : "false",
                                meta.at("sym") == "1" ? ",sym" : "");
  const auto hessian = std::make_shared<Hessian>(hessian_of(file.tensor("X")));
  const auto result = quantized(spec, {GetParam(), file.tensor("W").clone(), hessian});
  const auto wrong = (result.codes != file.tensor("codes")).sum().item<int64_t>();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(at::equal(result.grid.zero.to(at::kInt), file.tensor("zero")));
  EXPECT_TRUE(at::allclose(result.grid.scale, file.tensor("scale"), 1e-6, 0));
  EXPECT_NEAR(layer_error(file.tensor("W"), dequantize(result), hessian->matrix()),
              std::stod(meta.at("error")), 1e-3 * std::stod(meta.at("error")));
}

INSTANTIATE_TEST_SUITE_P(Cases, GptqGolden, testing::ValuesIn(gptq_cases()),
                         [](const auto& info) { return info.param; });

TEST(Gptq, TheGoldenCasesAreThere) { EXPECT_GE(gptq_cases().size(), 10U); }

TEST(Gptq, SingularHessianStillGivesAResultBetterThanRounding) {
  const auto weight = at::randn({16, 64}, at::kFloat);
  const auto inputs = at::randn({8, 64}, at::kFloat);  // rank 8 of 64
  const auto hessian = std::make_shared<Hessian>(hessian_of(inputs));
  const QuantProblem problem{"w", weight, hessian};
  const auto gptq = dequantize(quantized("gptq:bits=3,group=32", problem));
  const auto rtn = dequantize(quantized("rtn:bits=3,group=32", problem));
  EXPECT_LT(layer_error(weight, gptq, hessian->matrix()),
            layer_error(weight, rtn, hessian->matrix()));
}

TEST(Gptq, RefinementNeverRaisesTheLayerError) {
  for (const int bits : {2, 3, 4}) {
    for (const char* sym : {"", ",sym"}) {
      at::manual_seed(bits);
      const auto weight = at::randn({24, 256}, at::kFloat);
      const auto mix = at::randn({256, 256}, at::kFloat) * 0.1 + at::eye(256);
      const auto hessian =
          std::make_shared<Hessian>(hessian_of(at::mm(at::randn({512, 256}, at::kFloat), mix)));
      double last = 1e30;
      for (const int rounds : {0, 1, 2, 4}) {
        const auto spec = fmt::format("gptq:bits={},group=64,refine={}{}", bits, rounds, sym);
        const auto result = quantized(spec, {"w", weight, hessian}, at::kBFloat16);
        const double error = layer_error(weight, dequantize(result), hessian->matrix());
        EXPECT_LE(error, last * 1.0005) << spec;
        last = error;
      }
    }
  }
}

/// Codes, then scales and offsets as near as their storage allows.
TEST(Gptq, RefinementLowersTheErrorOfEveryEncodingAndKeepsItsGrid) {
  at::manual_seed(5);
  const auto weight = at::randn({24, 256}, at::kFloat);
  const auto mix = at::randn({256, 256}, at::kFloat) * 0.1 + at::eye(256);
  const auto hessian =
      std::make_shared<Hessian>(hessian_of(at::mm(at::randn({512, 256}, at::kFloat), mix)));
  for (const auto& [name, encoding] : named_encodings()) {
    const auto error = [&, &type = name](const char* options) {
      const auto result =
          quantized("gptq:type=" + type + options, {"w", weight, hessian}, at::kBFloat16);
      validate(result, type);
      return layer_error(weight, dequantize(result), hessian->matrix());
    };
    EXPECT_LT(error(",refine=2"), error("")) << name;
  }
}

TEST(Gptq, BadOptionsAreUsageErrors) {
  for (const char* spec : {"gptq:damp=0", "gptq:refine=-1", "gptq:bits=1", "gptq:bits=9",
                           "gptq:groups=64", "gptq:bits=x", "gpt"}) {
    try {
      make_method(spec);
      ADD_FAILURE() << spec;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage) << spec;
    }
  }
}

}  // namespace
}  // namespace mpq
