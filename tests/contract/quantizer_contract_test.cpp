// What every quantizer meets, by the registry: a new one is tested by being there.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "mpq/quant/quantizer.h"

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
    return Registry<Quantizer>::instance()
        .make(GetParam() + ":" + options)
        ->quantize({"w", weight, hessian_, at::kBFloat16});
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
      const auto error = dequantize(result) - weight_;
      const double loss = (at::mm(error, hessian_->matrix()) * error).sum().item<double>();
      EXPECT_LT(loss, last) << bits << sym;
      last = loss;
    }
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
  const auto quantizer = Registry<Quantizer>::instance().make(GetParam());
  if (quantizer->scheme().hybrid()) {  // its last groups may be shorter
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
    EXPECT_TRUE(at::equal(plain(first)[i].scale, plain(second)[i].scale));
  }
}

TEST_P(QuantizerContract, ScalesAreExactInTheirStoredDtype) {
  for (const auto& linear : plain(run("bits=3,group=32", weight_)))
    EXPECT_TRUE(at::equal(linear.scale.to(at::kBFloat16).to(at::kFloat), linear.scale));
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
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(MPQ_SOURCE_DIR) + "/src/quant/quantizers"))
    stems.push_back(entry.path().stem().string());
  std::sort(stems.begin(), stems.end());
  EXPECT_EQ(stems, Registry<Quantizer>::instance().names());
}

}  // namespace
}  // namespace mpq
