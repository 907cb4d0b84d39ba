// The metadata and tensors of every family and kind of tokenizer equal those that llama.cpp's own
// converter writes.
#include "mpq/format/gguf_model.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "tests/format/gguf_cases.h"
#include "tests/format/gguf_file.h"

namespace mpq {
namespace {

std::string hash_of(const at::Tensor& tensor) {
  return sha256_of({static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()});
}

class GgufGolden : public testing::TestWithParam<std::string> {};

TEST_P(GgufGolden, EqualsTheConverter) {
  const GgufCase golden(GetParam());
  if (!golden.at_hand()) GTEST_SKIP() << "its tokenizer is not at hand";
  const auto weights = golden.weights();
  const GgufModel model = make_gguf_model(golden.folder(), *weights, kAllF32);

  std::set<std::string> differs;
  for (const Json& key : golden.golden().at("differs")) differs.insert(key.get<std::string>());
  const Json& metadata = golden.golden().at("metadata");
  ASSERT_EQ(model.metadata.size(), metadata.size());
  for (size_t i = 0; i < model.metadata.size(); ++i) {
    const GgufEntry& entry = model.metadata[i];
    EXPECT_EQ(entry.key, metadata[i][0].get<std::string>());
    EXPECT_EQ(golden_entry(entry) == metadata[i], !differs.contains(entry.key))
        << "found    " << golden_entry(entry) << "\nexpected " << metadata[i];
  }

  const Json& tensors = golden.golden().at("tensors");
  EXPECT_EQ(model.tensors.size(), tensors.size());
  for (const GgufTensor& tensor : model.tensors) {
    SCOPED_TRACE(tensor.name);
    ASSERT_TRUE(tensors.contains(tensor.name));
    const Json& expected = tensors.at(tensor.name);
    EXPECT_EQ(Json(tensor.dims()), expected[0]);
    if (golden.has_data()) {
      EXPECT_EQ(hash_of(gguf_tensor_value(tensor, weights.get())), expected[2].get<std::string>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GgufGolden, testing::ValuesIn(gguf_case_names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace mpq
