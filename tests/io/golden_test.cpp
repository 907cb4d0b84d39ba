// A file that the safetensors library wrote (tools/golden/make_io_golden.py), read and written.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

const char* const kGolden = MPQ_SOURCE_DIR "/tests/golden/io/dtypes.safetensors";

template <class T>
void expect_limits(const SafetensorsFile& file, const char* name) {
  const at::Tensor tensor = file.tensor(name);
  ASSERT_EQ(tensor.scalar_type(), c10::CppTypeToScalarType<T>::value) << name;
  ASSERT_EQ(tensor.sizes(), at::IntArrayRef({4}));
  const T* values = tensor.const_data_ptr<T>();
  EXPECT_EQ(values[0], std::numeric_limits<T>::min()) << name;
  EXPECT_EQ(values[1], T{0}) << name;
  EXPECT_EQ(values[2], T{1}) << name;
  EXPECT_EQ(values[3], std::numeric_limits<T>::max()) << name;
}

TEST(SafetensorsGolden, EveryDtypeIsRead) {
  const SafetensorsFile file(kGolden);
  const auto expected = at::tensor({0.0, -1.5, 2.0, 448.0, 0.015625, -0.5}, at::kDouble);
  for (const auto& [name, dtype] :
       std::map<std::string, at::ScalarType>{{"F64", at::kDouble},
                                             {"F32", at::kFloat},
                                             {"F16", at::kHalf},
                                             {"BF16", at::kBFloat16},
                                             {"F8_E4M3", at::kFloat8_e4m3fn},
                                             {"F8_E5M2", at::kFloat8_e5m2}}) {
    const at::Tensor tensor = file.tensor(name);
    EXPECT_EQ(tensor.scalar_type(), dtype) << name;
    EXPECT_TRUE(at::equal(tensor.to(at::kDouble), expected.view({2, 3}))) << name;
  }
  expect_limits<int64_t>(file, "I64");
  expect_limits<int32_t>(file, "I32");
  expect_limits<int16_t>(file, "I16");
  expect_limits<int8_t>(file, "I8");
  expect_limits<uint8_t>(file, "U8");
  expect_limits<uint32_t>(file, "U32");
  const auto flags = at::tensor({1, 0, 0, 1, 1, 1}, at::kInt).to(at::kBool).view({3, 2});
  EXPECT_TRUE(at::equal(file.tensor("BOOL"), flags));
  EXPECT_EQ(file.tensor("scalar").dim(), 0);
  EXPECT_EQ(file.tensor("scalar").item<float>(), 2.5F);
  EXPECT_EQ(file.tensor("empty").sizes(), at::IntArrayRef({0, 4}));
  EXPECT_EQ(file.tensor("größe \"重み\"").item<float>(), 1.0F);
  EXPECT_EQ(file.tensors().size(), 16U);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
}

TEST(SafetensorsGolden, WritingItAgainGivesTheSameBytes) {
  const TemporaryFolder place;
  const SafetensorsFile golden(kGolden);
  std::vector<TensorPlan> plan;
  for (const auto& [name, entry] : golden.tensors())
    plan.push_back({name, entry.dtype, entry.shape});
  const auto begin = [&](const TensorPlan& tensor) { return golden.tensors().at(tensor.name); };
  std::sort(plan.begin(), plan.end(), [&](const TensorPlan& a, const TensorPlan& b) {
    return std::pair(begin(a).begin, begin(a).end) < std::pair(begin(b).begin, begin(b).end);
  });
  SafetensorsWriter writer(place.file("again"), plan, golden.metadata());
  for (const auto& tensor : plan) writer.write(tensor.name, golden.tensor(tensor.name));
  writer.finish();
  EXPECT_EQ(read_text_file(place.file("again")), read_text_file(kGolden));
}

}  // namespace
}  // namespace mpq
