// A checkpoint that AutoRound wrote in AutoAWQ's layout (tools/golden/make_awq_checkpoint.py).
#include "mpq/format/awq_source.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "mpq/format/checkpoint_writer.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/model.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

const std::string kAwqFolder = source_path("tests/golden/awq_checkpoint");

TEST(AwqCheckpoint, IsReadAsItsWriterAndVllmReadIt) {
  const auto source = open_checkpoint(kAwqFolder);
  const SafetensorsFile expected(kAwqFolder + "/expected.safetensors");
  EXPECT_EQ(expected.tensors().size(), 13U);
  for (const auto& [name, entry] : expected.tensors()) {
    const at::Tensor rows = expected.tensor(name);  // every fifth output
    const at::Tensor found = source->load(name).to(at::kHalf);
    EXPECT_TRUE(found.slice(0, 0, std::nullopt, 5).equal(rows)) << name;
  }
  const Model model(kAwqFolder, open_checkpoint(kAwqFolder), {.dtype = "float32"});
  EXPECT_EQ(model.load_block(0).weights.size(), 7U);  // six are packed, one is not
}

/// The checkpoint, changed before it is opened.
class AwqFolder : public testing::Test {
 protected:
  AwqFolder() {
    const SafetensorsFile file(kAwqFolder + "/model.safetensors");
    for (const auto& [name, entry] : file.tensors()) tensors_[name] = file.tensor(name).clone();
  }
  void open() {
    save_tensors(folder_.file("model.safetensors"), tensors_);
    open_awq(folder_.path(), quantization_);
  }
  std::string refuses(ErrorCode code) {
    return error_of(code, [&] { open(); });
  }

  TemporaryFolder folder_;
  std::map<std::string, at::Tensor> tensors_;
  Json quantization_ = {{"bits", 4}, {"group_size", 32}, {"version", "GEMM"}};
  std::string module_ = "model.layers.0.self_attn.q_proj";
};

TEST_F(AwqFolder, OldNamesOfMembersAreRead) {
  quantization_ = {{"w_bit", 4}, {"q_group_size", 32}};
  EXPECT_NO_THROW(open());
}

TEST_F(AwqFolder, OtherLayoutsAreUnsupported) {
  quantization_["version"] = "gemv";
  EXPECT_THAT(refuses(ErrorCode::Unsupported), testing::HasSubstr("\"gemv\""));
  quantization_ = {{"bits", 5}, {"group_size", 32}};
  EXPECT_THAT(refuses(ErrorCode::Unsupported), testing::HasSubstr("bits=5"));
}

TEST_F(AwqFolder, WhatDoesNotFitIsAFormatError) {
  const auto good = tensors_;
  const auto damaged = [&](const char* suffix, const at::Tensor& tensor) {
    tensors_ = good;
    tensors_[module_ + suffix] = tensor;
    EXPECT_THAT(refuses(ErrorCode::Format), testing::HasSubstr(module_)) << suffix;
  };
  damaged(".scales", at::ones({3, 64}, at::kHalf));
  damaged(".scales", at::ones({2, 64}, at::kInt));
  damaged(".qzeros", at::zeros({2, 7}, at::kInt));
  damaged(".qweight", at::zeros({64}, at::kInt));
  damaged(".weight", at::zeros({64, 64}));
  tensors_ = good;
  tensors_.erase(module_ + ".scales");
  EXPECT_THAT(refuses(ErrorCode::Format), testing::HasSubstr(module_ + ".scales"));
  tensors_ = good;
  quantization_["group_size"] = 48;
  EXPECT_THAT(refuses(ErrorCode::Format), testing::HasSubstr("groups of 48"));
}

}  // namespace
}  // namespace mpq
