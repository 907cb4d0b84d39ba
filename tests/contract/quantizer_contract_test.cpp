// What every quantizer meets, by the registry: a new one is tested by being there.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/quantized.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

class QuantizerContract : public testing::TestWithParam<std::string> {
 protected:
  QuantizerContract() {
    at::manual_seed(7);
    weight_ = at::randn({20, 128}, at::kFloat);
    const auto mix = at::randn({128, 128}, at::kFloat) * 0.1 + at::eye(128);
    const auto x = at::mm(at::randn({300, 128}, at::kFloat), mix);
    hessian_ = std::make_shared<Hessian>(at::mm(x.t(), x) * (2.0 / 300));
  }

  QuantizedLinear run(const std::string& options, const at::Tensor& weight) const {
    return quantized(GetParam() + ":" + options, {"w", weight, hessian_}, at::kBFloat16);
  }

  static bool makes_hybrids() { return make_method(GetParam()).encoding.hybrid(); }

  double loss_of(const QuantizedLinear& linear) const {
    const auto error = dequantize(linear) - weight_;
    return (at::mm(error, hessian_->matrix()) * error).sum().item<double>();
  }

  /// The plain linears a result is made of.
  static std::vector<QuantizedLinear> plain(const QuantizedLinear& linear) {
    return linear.pieces.empty() ? std::vector{linear} : linear.pieces;
  }

  at::Tensor weight_;
  std::shared_ptr<Hessian> hessian_;
};

TEST_P(QuantizerContract, CodesFitAndErrorFallsAsBitsRise) {
  for (const char* sym : {"", ",sym"}) {
    double last = 1e30;
    for (int bits = 2; bits <= 8; ++bits) {
      const auto result = run(fmt::format("bits={},group=32{}", bits, sym), weight_);
      validate(result, GetParam());
      const double loss = loss_of(result);
      EXPECT_LT(loss, last) << bits << sym;
      last = loss;
    }
  }
}

/// Rows of 256, so that every encoding's blocks fit.
TEST_P(QuantizerContract, EveryEncodingIsStoredExactlyAndWiderOnesLoseLess) {
  if (makes_hybrids()) return;  // of integers alone
  weight_ = at::cat({weight_, weight_.flip({0})}, 1);
  hessian_ =
      std::make_shared<Hessian>(at::cat({at::cat({hessian_->matrix(), at::zeros({128, 128})}, 1),
                                         at::cat({at::zeros({128, 128}), hessian_->matrix()}, 1)}));
  std::map<std::string, double> loss;
  for (const auto& [name, encoding] : named_encodings()) {
    const auto result = run("type=" + name, weight_);
    EXPECT_EQ(result.encoding, encoding);
    validate(result, name);
    loss[name] = loss_of(result);
  }
  for (const auto& [narrow, wide] : {std::pair{"q2_k", "q3_k"},
                                     {"q3_k", "q4_k"},
                                     {"q4_k", "q5_k"},
                                     {"q5_k", "q6_k"},
                                     {"q6_k", "q8_0"},
                                     {"q2_0", "q4_0"},
                                     {"q4_0", "q5_0"},
                                     {"q4_1", "q5_1"},
                                     {"iq4_nl", "q5_0"},
                                     {"mxfp4", "fp8"},
                                     {"nvfp4", "fp8"}})
    EXPECT_GT(loss[narrow], loss[wide]) << narrow << " " << wide;
  for (const char* zero : {"group=64,zero=offset", "group=64"}) {
    const auto result = run(std::string("bits=4,") + zero, weight_);
    validate(result, zero);
    EXPECT_LT(loss_of(result), loss["q2_k"]);
  }
}

TEST_P(QuantizerContract, AConstantRowIsExact) {
  auto weight = weight_.clone();
  weight.select(0, 3).fill_(0.5);
  weight.select(0, 5).fill_(-0.25);
  weight.select(0, 7).fill_(0.0);
  for (const char* sym : {"", ",sym"}) {
    const auto result = dequantize(run(std::string("bits=4,group=32") + sym, weight));
    for (const int row : {3, 5, 7})
      EXPECT_TRUE(at::equal(result.select(0, row), weight.select(0, row))) << row << sym;
  }
}

TEST_P(QuantizerContract, IndivisibleGroupIsAClearError) {
  if (makes_hybrids()) {  // its last groups may be shorter
    validate(run("bits=4,group=48", weight_), GetParam());
    return;
  }
  try {
    run("bits=4,group=48", weight_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_NE(std::string(error.what()).find("group=48 does not divide its 128"), std::string::npos)
        << error.what();
  }
}

TEST_P(QuantizerContract, IsDeterministic) {
  const auto first = run("bits=3,group=32", weight_);
  const auto second = run("bits=3,group=32", weight_);
  for (size_t i = 0; i < plain(first).size(); ++i) {
    EXPECT_TRUE(at::equal(plain(first)[i].codes, plain(second)[i].codes));
    EXPECT_TRUE(at::equal(plain(first)[i].grid.scale, plain(second)[i].grid.scale));
  }
}

TEST_P(QuantizerContract, ScalesAreExactInTheirStoredDtype) {
  for (const auto& linear : plain(run("bits=3,group=32", weight_)))
    EXPECT_TRUE(at::equal(linear.grid.scale.to(at::kBFloat16).to(at::kFloat), linear.grid.scale));
}

/// In float16 some scales are subnormal, and some are 0.
TEST_P(QuantizerContract, TinyWeightsStayFiniteAndZeroRowsZero) {
  auto weight = weight_ * 1e-5;
  weight.select(0, 3).zero_();
  weight.select(0, 5).mul_(1e-2);
  weight.select(0, 7).narrow(0, 0, 32).zero_();
  const at::Tensor magnitudes = hessian_->matrix().diagonal().sqrt();
  for (const char* encoding : {":bits=4,group=32", ":bits=4,group=32,sym"}) {
    const Method method = make_method(GetParam() + encoding);
    QuantProblem problem{"w", weight, hessian_};
    problem.mean_abs = magnitudes;
    problem.max_abs = magnitudes;
    problem = problem_for(method, problem, at::kHalf);
    const auto result =
        quantize_scaled(*method.quantizer, problem, method.quantizer->input_scale(problem));
    validate(result, GetParam());
    for (const auto& linear : plain(result))
      EXPECT_TRUE(linear.grid.scale.to(at::kHalf).to(at::kFloat).equal(linear.grid.scale));
    const auto dense = dequantize(result);
    EXPECT_TRUE(at::isfinite(dense).all().item<bool>()) << encoding;
    EXPECT_EQ(dense.select(0, 3).abs().max().item<float>(), 0) << encoding;
    EXPECT_LT(dense.abs().max().item<float>(), 2 * weight.abs().max().item<float>()) << encoding;
  }
}

TEST_P(QuantizerContract, NotANumberIsANumericError) {
  auto weight = weight_.clone();
  weight.index_put_({at::tensor(1), at::tensor(2)}, at::tensor(NAN));
  try {
    run("bits=4,group=32", weight);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Numeric);
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuantizerContract,
                         testing::ValuesIn(Registry<Quantizer>::instance().names()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

TEST(QuantizerRegistry, HoldsExactlyTheFilesOfItsFolder) {
  std::vector<std::string> stems;
  for (const auto& entry : std::filesystem::directory_iterator(source_path("src/quant/quantizers")))
    stems.push_back(entry.path().stem().string());
  std::sort(stems.begin(), stems.end());
  EXPECT_EQ(stems, Registry<Quantizer>::instance().names());
}

}  // namespace
}  // namespace mpq
