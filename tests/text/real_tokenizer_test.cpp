// The tokenizers of real models equal the `tokenizers` library on megabytes, where their
// vocabularies are at hand: in $MPQ_SHARED_DATA or ../shared/data. They may not be shipped, so
// elsewhere these tests do not exist.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "golden.h"
#include "mpq/core/hash.h"
#include "mpq/text/tokenizer.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

std::string shared_data() {
  const char* given = std::getenv("MPQ_SHARED_DATA");
  return given ? given : source_path("../shared/data");
}

std::vector<std::string> found_tokenizers() {
  std::vector<std::string> names;
  for (const char* name : {"gpt2", "llama2", "llama3.1", "mistral-v0.1", "phi-3-mini", "qwen2.5"}) {
    if (std::filesystem::exists(shared_data() + "/tokenizers/" + name + "/tokenizer.json")) {
      names.emplace_back(name);
    }
  }
  return names;
}

class RealTokenizer : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Tokenizer> load() const {
    return Tokenizer::load(shared_data() + "/tokenizers/" + GetParam());
  }
};

TEST_P(RealTokenizer, EqualsTheLibraryOnWholeFiles) {
  const auto tokenizer = load();
  const Json golden = read_golden("real_ids.json").at(GetParam());
  for (const auto& [file, expected] : golden.items()) {
    const std::string path = shared_data() + "/" + file;
    if (!std::filesystem::exists(path)) continue;
    const auto ids = tokenizer->encode(read_text_file(path));
    EXPECT_EQ(ids.size(), expected.at("count").get<size_t>()) << file;
    const std::string_view bytes(reinterpret_cast<const char*>(ids.data()), 4 * ids.size());
    EXPECT_EQ(sha256_of(bytes), expected.at("sha256").get<std::string>()) << file;
  }
}

std::vector<std::string> cut(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != text.npos;
       begin = end + separator.size()) {
    parts.push_back(text.substr(begin, end - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

TEST_P(RealTokenizer, EqualsTheVectorsOfLlamaCpp) {
  const std::map<std::string, std::string> names = {{"gpt2", "gpt-2"},
                                                    {"llama2", "llama-spm"},
                                                    {"llama3.1", "llama-bpe"},
                                                    {"phi-3-mini", "phi-3"},
                                                    {"qwen2.5", "qwen2"}};
  const std::string folder = shared_data() + "/tokenizers/vectors/";
  const auto name = names.find(GetParam());
  if (name == names.end() || !std::filesystem::exists(folder + "prompts.inp")) return;
  const auto prompts = cut(read_text_file(folder + "prompts.inp"), "\n__ggml_vocab_test__\n");
  const auto lines = cut(read_text_file(folder + "ggml-vocab-" + name->second + ".gguf.out"), "\n");
  const auto tokenizer = load();
  ASSERT_LE(prompts.size(), lines.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::string ids;
    for (const int32_t id : tokenizer->encode(prompts[i], false)) ids += " " + std::to_string(id);
    EXPECT_EQ(ids, lines[i]) << prompts[i];
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RealTokenizer);
INSTANTIATE_TEST_SUITE_P(Found, RealTokenizer, testing::ValuesIn(found_tokenizers()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '.' || c == '-' ? '_' : c;
                           return name;
                         });

// Says in the log which real vocabularies were compared, so that their absence is not taken for
// success.
TEST(RealTokenizers, NamesWhatWasFound) {
  std::string found;
  for (const std::string& name : found_tokenizers()) found += " " + name;
  std::printf("real tokenizers in %s:%s\n", shared_data().c_str(),
              found.empty() ? " none, not compared" : found.c_str());
}

}  // namespace
}  // namespace mpq
