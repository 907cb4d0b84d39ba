// Parts: what is saved comes back, damage is noticed, and the source over them reads both.
#include "mpq/format/parts.h"

#include <gmock/gmock.h>

#include "tests/pack/checkpoints.h"

namespace mpq::testing {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

BlockPart sample_part() {
  at::manual_seed(3);
  BlockPart part;
  for (int bits = 2; bits <= 8; ++bits) {
    const auto module = fmt::format("model.layers.0.m{}", bits);
    part.linears[module] =
        random_linear({bits, bits % 2 == 0 ? 0 : 4, bits < 5}, bits + 1, 172, at::kBFloat16);
  }
  part.tensors["model.layers.0.norm.weight"] = at::randn({7}).to(at::kBFloat16);
  part.tensors["model.layers.0.bias"] = at::randn({3});
  return part;
}

TEST(Parts, ComeBackAsTheyWere) {
  const TemporaryFolder place;
  const BlockPart part = sample_part();
  const std::string path = part_path(place.path(), 3);
  EXPECT_EQ(path, place.file("block-00003.safetensors"));
  save_part(path, part);
  const BlockPart found = load_part(path);
  ASSERT_EQ(found.linears.size(), part.linears.size());
  for (const auto& [module, linear] : part.linears) {
    const QuantizedLinear& other = found.linears.at(module);
    EXPECT_EQ(other.scheme, linear.scheme) << module;
    EXPECT_TRUE(other.codes.equal(linear.codes)) << module;
    EXPECT_TRUE(other.scale.equal(linear.scale)) << module;
    EXPECT_TRUE(other.zero.equal(linear.zero)) << module;
  }
  ASSERT_EQ(found.tensors.size(), part.tensors.size());
  for (const auto& [name, tensor] : part.tensors) {
    EXPECT_EQ(found.tensors.at(name).scalar_type(), tensor.scalar_type());
    EXPECT_TRUE(found.tensors.at(name).equal(tensor)) << name;
  }
  EXPECT_THAT(place.entries(), ::testing::ElementsAre("block-00003.safetensors"));
}

TEST(Parts, CodesAreStoredPacked) {
  const TemporaryFolder place;
  BlockPart part;
  part.linears["m"] = random_linear({3, 0, false}, 64, 1024, at::kBFloat16);
  save_part(place.file("p"), part);
  const SafetensorsFile file(place.file("p"));
  EXPECT_EQ(file.tensors().at("m.codes").shape, (std::vector<int64_t>{64, 96}));
}

TEST(Parts, TruncationAtAnyPlaceIsAFormatError) {
  const TemporaryFolder place;
  save_part(place.file("p"), sample_part());
  const std::string bytes = read_text_file(place.file("p"));
  for (size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 97) {
    write_text_file(place.file("cut"), bytes.substr(0, size));
    error_of(ErrorCode::Format, [&] { load_part(place.file("cut")); });
  }
}

/// Replaces text of the same length in a saved part.
void damage(const std::string& path, const std::string& from, const std::string& to) {
  ASSERT_EQ(from.size(), to.size());
  std::string bytes = read_text_file(path);
  const size_t at = bytes.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  write_text_file(path, bytes.replace(at, from.size(), to));
}

TEST(Parts, DescriptionsThatDisagreeWithTheTensorsAreFormatErrors) {
  const std::vector<std::pair<std::string, std::string>> damages = {
      {"mpq_part", "mpq_tarp"},
      {"mpq-part/1", "mpq-part/9"},
      {R"(\"bits\":5)", R"(\"bits\":9)"},
      {R"(\"bits\":5)", R"(\"bits\":4)"},
      {R"(\"bits\":5)", R"(\"bits\":0)"},
      {R"(\"bits\":5)", R"(\"bots\":5)"},
      {R"(\"group\":4)", R"(\"group\":3)"},
      {R"(\"in\":172)", R"(\"in\":-72)"},
      {R"(\"in\":172)", R"(\"in\":180)"},
      {R"(\"symmetric\":false)", R"(\"symmetric\":12345)"},
      {R"(\"linears\":{)", R"(\"linears\":[)"},
      {"model.layers.0.m5.codes", "model.layers.0.m5.modes"},
      {"model.layers.0.m5.scale", "model.layers.0.m5.skale"}};
  for (const auto& [from, to] : damages) {
    const TemporaryFolder place;
    save_part(place.file("p"), sample_part());
    damage(place.file("p"), from, to);
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { load_part(place.file("p")); }),
                HasSubstr(place.file("p")))
        << to;
  }
}

TEST(Parts, ValuesOutOfRangeAreFormatErrors) {
  const std::string description =
      R"({"schema":"mpq-part/1","linears":{"m":{"bits":2,"group":0,"symmetric":false,"out":1,"in":4}}})";
  std::map<std::string, at::Tensor> tensors = {{"m.codes", at::zeros({1, 1}, at::kInt)},
                                               {"m.scale", at::ones({1, 1})},
                                               {"m.zero", at::zeros({1, 1}, at::kByte)}};
  const TemporaryFolder place;
  save_tensors(place.file("good"), tensors, {{"mpq_part", description}});
  EXPECT_EQ(load_part(place.file("good")).linears.size(), 1U);
  tensors["m.zero"].fill_(4);
  save_tensors(place.file("zero"), tensors, {{"mpq_part", description}});
  error_of(ErrorCode::Format, [&] { load_part(place.file("zero")); });
  tensors["m.zero"].fill_(0);
  tensors["m.scale"].fill_(std::numeric_limits<float>::quiet_NaN());
  save_tensors(place.file("scale"), tensors, {{"mpq_part", description}});
  error_of(ErrorCode::Format, [&] { load_part(place.file("scale")); });
}

TEST(Parts, AFullDiskLeavesNothingBehind) {
  const TemporaryFolder place;
  const BlockPart part = sample_part();
  {
    const FullDisk disk(1024);
    error_of(ErrorCode::Io, [&] { save_part(place.file("p"), part); });
  }
  EXPECT_THAT(place.entries(), ::testing::IsEmpty());
}

TEST(Parts, NamesThatClashAreRefused) {
  BlockPart part = sample_part();
  part.tensors["model.layers.0.m4.scale"] = at::zeros({1});
  error_of(ErrorCode::Internal, [&] { save_part("/nowhere/p", part); });
}

class PartsSourceTest : public ::testing::Test {
 protected:
  PartsSourceTest() {
    part_.linears["b0.q"] = random_linear({3, 4, false}, 5, 8, at::kBFloat16);
    part_.tensors["b0.norm.weight"] = at::full({4}, 2.5);
    part_.tensors["b0.q.bias"] = at::ones({5});
    save_part(part_path(place_.path(), 0), part_);
    BlockPart second;
    second.linears["b1.q"] = random_linear({4, 0, true}, 5, 8, at::kBFloat16);
    save_part(part_path(place_.path(), 1), second);
    base_.tensors["b0.norm.weight"] = at::zeros({4});
    base_.tensors["b0.q.weight"] = at::randn({5, 8});
    base_.tensors["b1.q.weight"] = at::randn({5, 8});
    base_.tensors["embed.weight"] = at::randn({3, 8});
  }
  TemporaryFolder place_;
  BlockPart part_;
  MemorySource base_;
};

TEST_F(PartsSourceTest, ReadsPartsAndTheBase) {
  const auto source = open_parts(base_, place_.path(), 2);
  EXPECT_THAT(source->names(), ::testing::ElementsAre("b0.norm.weight", "b0.q.bias", "b0.q.weight",
                                                      "b1.q.weight", "embed.weight"));
  EXPECT_TRUE(source->load("b0.q.weight").equal(dequantize(part_.linears.at("b0.q"))));
  EXPECT_EQ(source->shape("b0.q.weight"), (std::vector<int64_t>{5, 8}));
  EXPECT_TRUE(source->load("b0.norm.weight").equal(at::full({4}, 2.5)));
  EXPECT_EQ(source->shape("b0.q.bias"), (std::vector<int64_t>{5}));
  EXPECT_TRUE(source->load("embed.weight").equal(base_.tensors.at("embed.weight")));
  error_of(ErrorCode::Format, [&] { source->load("b2.q.weight"); });
}

TEST_F(PartsSourceTest, LeavesLinearsToTheBaseWhenAsked) {
  const auto source = open_parts(base_, place_.path(), 2, false);
  EXPECT_TRUE(source->load("b0.q.weight").equal(base_.tensors.at("b0.q.weight")));
  EXPECT_TRUE(source->load("b0.norm.weight").equal(at::full({4}, 2.5)));
}

TEST_F(PartsSourceTest, MissingAndOverlappingPartsAreErrors) {
  error_of(ErrorCode::Io, [&] { open_parts(base_, place_.path(), 3); });
  save_part(part_path(place_.path(), 1), part_);
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { open_parts(base_, place_.path(), 2); }),
              HasSubstr("block-00001"));
}

}  // namespace
}  // namespace mpq::testing
