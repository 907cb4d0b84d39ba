// Round trips, and a file damaged in every way that a header can be.
#include "mpq/io/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Safetensors : public testing::Test {
 protected:
  Safetensors() {
    std::string name = (fs::temp_directory_path() / "mpq-io-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/file.safetensors";
  }
  ~Safetensors() override { fs::remove_all(folder_); }

  /// A file of header text and `data` zero bytes.
  void write_raw(const std::string& header, size_t data) const {
    const uint64_t size = header.size();
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(&size), sizeof(size));
    file << header << std::string(data, '\0');
  }

  void expect_format_error(const std::string& part) const {
    try {
      const SafetensorsFile file(path_);
      ADD_FAILURE() << "accepted; expected: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
      EXPECT_THAT(error.what(), testing::HasSubstr(path_));
    }
  }

  /// Touches every byte that an accepted file offers.
  void read_if_accepted() const {
    try {
      const SafetensorsFile file(path_);
      for (const auto& [name, entry] : file.tensors()) {
        const auto tensor = file.tensor(name);
        const auto* bytes = static_cast<const uint8_t*>(tensor.const_data_ptr());
        unsigned sum = 0;
        for (size_t i = 0; i < tensor.nbytes(); ++i) sum += bytes[i];
        sink_ += sum;
      }
    } catch (const Error&) {
      // Refused: that is fine; anything else ends the test.
    }
  }

  std::string folder_, path_;
  mutable unsigned sink_ = 0;
};

TEST_F(Safetensors, EveryDtypeComesBack) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                           at::kShort, at::kChar, at::kByte, at::kBool, at::kFloat8_e4m3fn})
    tensors[at::toString(dtype)] = at::arange(6, at::kFloat).view({2, 3}).to(dtype);
  tensors["empty"] = at::empty({0, 4}, at::kFloat);
  tensors["scalar"] = at::scalar_tensor(2.5);
  save_tensors(path_, tensors, {{"format", "pt"}});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, expected] : tensors) {
    const auto tensor = file.tensor(name);
    EXPECT_EQ(tensor.scalar_type(), expected.scalar_type()) << name;
    EXPECT_EQ(tensor.sizes(), expected.sizes()) << name;
    EXPECT_TRUE(at::equal(tensor.to(at::kDouble), expected.to(at::kDouble))) << name;
  }
}

TEST_F(Safetensors, ATensorOutlivesItsFile) {
  save_tensors(path_, {{"x", at::arange(1000, at::kLong)}});
  at::Tensor kept;
  {
    const SafetensorsFile file(path_);
    kept = file.tensor("x");
  }
  EXPECT_EQ(kept.sum().item<int64_t>(), 499500);
}

TEST_F(Safetensors, PredictedBytesAreWritten) {
  const std::vector<TensorPlan> plan = {{"a", at::kBFloat16, {3, 5}}, {"b", at::kInt, {7}}};
  SafetensorsWriter writer(path_, plan, {{"k", "v"}});
  writer.write("a", at::zeros({3, 5}, at::kBFloat16));
  EXPECT_FALSE(fs::exists(path_));  // whole or not at all
  writer.write("b", at::zeros({7}, at::kInt));
  writer.finish();
  EXPECT_EQ(static_cast<int64_t>(fs::file_size(path_)), safetensors_file_bytes(plan, {{"k", "v"}}));
}

TEST_F(Safetensors, AnUnfinishedFileIsRemoved) {
  { const SafetensorsWriter writer(path_, {{"a", at::kFloat, {4}}}); }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Safetensors, OutOfPlanIsRefused) {
  SafetensorsWriter writer(path_, {{"a", at::kFloat, {4}}});
  EXPECT_THROW(writer.write("b", at::zeros({4})), Error);
  SafetensorsWriter other(path_, {{"a", at::kFloat, {4}}});
  EXPECT_THROW(other.write("a", at::zeros({5})), Error);
}

TEST_F(Safetensors, DamagedHeadersNameTheFault) {
  const auto entry = [](const char* dtype, const char* shape, const char* offsets) {
    return fmt::format(R"({{"dtype":"{}","shape":{},"data_offsets":{}}})", dtype, shape, offsets);
  };
  const auto one = [&](const std::string& value) { return "{\"x\":" + value + "}"; };
  const auto two = [&](const std::string& a, const std::string& b) {
    return "{\"x\":" + a + ",\"y\":" + b + "}";
  };
  write_raw(one(entry("F32", "[2]", "[0,8]")), 8);
  EXPECT_NO_THROW(SafetensorsFile{path_});
  const std::vector<std::tuple<std::string, size_t, std::string>> cases = {
      {one(entry("F33", "[2]", "[0,8]")), 8, "F33"},
      {one(entry("F32", "[3]", "[0,8]")), 8, "need 12 bytes"},
      {one(entry("F32", "[-1]", "[0,8]")), 8, "shape"},
      {one(entry("F32", "[2.5]", "[0,8]")), 8, "shape"},
      {one(entry("F32", "[4611686018427387904,4]", "[0,8]")), 8, "too large"},
      {one(entry("F32", "[4294967296,4294967296]", "[0,8]")), 8, "too large"},
      {one(entry("F32", "[2]", "[8,0]")), 8, "data_offsets"},
      {one(entry("F32", "[2]", "[0,16]")), 8, "data_offsets"},
      {one(entry("F32", "[2]", "[0]")), 8, "data_offsets"},
      {one(entry("F32", "[2]", "[0,8]")), 12, "spare"},
      {one(entry("F32", "[2]", "[4,12]")), 12, "hole"},
      {two(entry("F32", "[2]", "[0,8]"), entry("F32", "[2]", "[4,12]")), 12, "overlap"},
      {two(entry("F32", "[2]", "[0,8]"), entry("F32", "[2]", "[0,8]")), 8, "overlap"},
      {"{\"x\":1,\"x\":1}", 0, "twice"},
      {"[]", 0, "not a JSON object"},
      {"{", 0, "not JSON"},
      {one("3"), 0, "missing"},
      {std::string(1000, '['), 0, "nests too deep"},
      {R"({"__metadata__":{"a":1}})", 0, "not a string"}};
  for (const auto& [header, data, message] : cases) {
    write_raw(header, data);
    expect_format_error(message);
  }
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << "short";
  expect_format_error("too short");
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << std::string(16, '\xff');
  expect_format_error("header claims");
}

TEST_F(Safetensors, UnalignedDataIsCopied) {
  write_raw(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )", 4);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  const float value = 1.5F;
  file.seekp(-4, std::ios::end);
  file.write(reinterpret_cast<const char*>(&value), 4);
  file.close();
  EXPECT_EQ(SafetensorsFile(path_).tensor("x").item<float>(), 1.5F);
}

TEST_F(Safetensors, TruncatedAnywhereOrWithAnyBitFlippedNeverReadsOutside) {
  save_tensors(path_, {{"a", at::arange(9, at::kFloat)}, {"b", at::arange(5, at::kByte)}},
               {{"m", "n"}});
  const std::string whole = read_text_file(path_);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_THROW(SafetensorsFile{path_}, Error) << size;
  }
  const size_t header = whole.size() - 36 - 5;
  for (size_t bit = 0; bit < header * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << damaged;
    read_if_accepted();
  }
}

TEST_F(Safetensors, RandomMutationsNeverReadOutside) {
  save_tensors(path_, {{"a", at::arange(9, at::kFloat)}, {"bb", at::arange(4, at::kLong)}});
  const std::string whole = read_text_file(path_);
  std::mt19937 random(5);
  const std::string alphabet = "0123456789[]{},:\"-.eF\\ \x80\xff";
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = whole;
    for (int edit = 0; edit < 1 + round % 4; ++edit) {
      const size_t at = random() % (whole.size() - 60);
      const char c = alphabet[random() % alphabet.size()];
      if (round % 3 == 0) {
        damaged.insert(at, 1, c);
      } else {
        damaged[at] = c;
      }
    }
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << damaged;
    read_if_accepted();
  }
}

}  // namespace
}  // namespace mpq
