// Parts: what is saved comes back, damage is noticed, and the source over them reads both.
#include "mpq/format/parts.h"

#include <gmock/gmock.h>

#include "tests/format/checkpoints.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

BlockPart sample_part() {
  at::manual_seed(3);
  BlockPart part;
  const auto add = [&](const Encoding& encoding, int64_t out, int64_t in) {
    const auto module = fmt::format("model.layers.0.m{}", part.linears.size());
    part.linears[module] = random_linear(resolved(encoding, at::kBFloat16), out, in);
  };
  for (int bits = 2; bits <= 8; ++bits)
    add(integers(bits, bits % 2 == 0 ? 0 : 4, bits < 5), bits + 1, 172);
  for (const auto& encoding : every_encoding()) add(encoding, 3, 256);
  part.tensors["model.layers.0.norm.weight"] = at::randn({7}).to(at::kBFloat16);
  part.tensors["model.layers.0.bias"] = at::randn({3});
  return part;
}

/// To the bit, or undefined in both.
void expect_equal(const QuantizedLinear& found, const QuantizedLinear& linear) {
  const auto tensors = [](const QuantizedLinear& l) {
    return std::vector<at::Tensor>{l.codes,
                                   l.order,
                                   l.grid.scale,
                                   l.grid.zero,
                                   l.grid.offset,
                                   l.grid.scale_code,
                                   l.grid.offset_code,
                                   l.grid.super_scale,
                                   l.grid.super_offset};
  };
  const auto a = tensors(found), b = tensors(linear);
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << to_string(linear.encoding) << i;
    const bool equal = !a[i].defined() || a[i].equal(b[i]);
    EXPECT_TRUE(equal) << to_string(linear.encoding) << i;
  }
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
    EXPECT_EQ(other.encoding, linear.encoding) << module;
    expect_equal(other, linear);
    for (size_t i = 0; i < linear.pieces.size(); ++i)
      expect_equal(other.pieces.at(i), linear.pieces[i]);
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
  part.linears["m"] = random_linear(integers_in(3, 0, false, at::kBFloat16), 64, 1024);
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
      {"mpq-part/2", "mpq-part/9"},
      {"int:bits=5,group=4,scale=bf16", "int:bits=9,group=4,scale=bf16"},
      {"int:bits=5,group=4,scale=bf16", "int:bits=6,group=4,scale=bf16"},
      {"int:bits=5,group=4,scale=bf16", "int:bats=5,group=4,scale=bf16"},
      {"int:bits=5,group=4,scale=bf16", "int:bits=5,group=3,scale=bf16"},
      {"int:bits=5,group=4,scale=bf16", "int:bits=5,group=4,scale=auto"},
      {"int:bits=5,group=4,scale=bf16", "int:bits=5,group=4,scale=f16,"},
      {R"(\"encoding\":)", R"(\"encoder!\":)"},
      {R"(\"in\":172)", R"(\"in\":-72)"},
      {R"(\"in\":172)", R"(\"in\":180)"},
      {R"(\"linears\":{)", R"(\"linears\":[)"},
      {"model.layers.0.m3.codes", "model.layers.0.m3.modes"},
      {"model.layers.0.m3.scale", "model.layers.0.m3.skale"}};
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
      R"({"schema":"mpq-part/2","linears":{"m":{"encoding":"int:bits=2,group=0,scale=f32","out":1,"in":4}}})";
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

/// Before any size is multiplied with another.
TEST(Parts, SizesThatNoLinearHasAreFormatErrors) {
  const std::map<std::string, at::Tensor> tensors = {{"m.codes", at::zeros({1, 1}, at::kInt)},
                                                     {"m.scale", at::ones({1, 1})},
                                                     {"m.zero", at::zeros({1, 1}, at::kByte)}};
  const std::vector<std::pair<int64_t, int64_t>> sizes = {
      {int64_t{1} << 40, 4}, {1, int64_t{1} << 40}, {int64_t{1} << 31, 4}, {0, 4}, {1, -4}};
  for (const auto& [out, in] : sizes) {
    const Json linear = {{"encoding", "int:bits=2,group=0,scale=f32"}, {"out", out}, {"in", in}};
    const Json description = {{"schema", "mpq-part/2"}, {"linears", {{"m", linear}}}};
    const TemporaryFolder place;
    save_tensors(place.file("p"), tensors, {{"mpq_part", description.dump()}});
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { load_part(place.file("p")); }),
                HasSubstr("are no sizes of a linear"))
        << out << " " << in;
  }
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
    part_.linears["b0.q"] = random_linear(integers_in(3, 4, false, at::kBFloat16), 5, 8);
    part_.tensors["b0.norm.weight"] = at::full({4}, 2.5);
    part_.tensors["b0.q.bias"] = at::ones({5});
    save_part(part_path(place_.path(), 0), part_);
    BlockPart second;
    second.linears["b1.q"] = random_linear(integers_in(4, 0, true, at::kBFloat16), 5, 8);
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
}  // namespace mpq
