// Ids and decoded texts equal those of the `tokenizers` library, one small tokenizer for every
// feature.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "golden.h"
#include "mpq/text/tokenizer.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

const Json& file() {
  static const Json content = read_golden("tokenizers.json");
  return content;
}

const Json& goldens() { return file().at("tokenizers"); }

// A base with members replaced; "model_x" is member x of its model.
std::string definition_of(const Json& golden) {
  Json tokenizer = file().at("bases").at(golden.at("base").get<std::string>());
  for (const auto& [key, value] : golden.at("changes").items()) {
    if (key.rfind("model_", 0) == 0) {
      tokenizer["model"][key.substr(6)] = value;
    } else {
      tokenizer[key] = value;
    }
  }
  return tokenizer.dump();
}

class TokenizerGolden : public testing::TestWithParam<size_t> {
 protected:
  const Json& golden() const { return goldens().at(GetParam()); }

  std::unique_ptr<Tokenizer> load() const {
    if (golden().contains("folder")) {
      return Tokenizer::load(source_path(golden().at("folder").get<std::string>()));
    }
    const std::string folder = scratch_folder();
    write_scratch(folder, "tokenizer.json", definition_of(golden()));
    auto tokenizer = Tokenizer::load(folder);
    std::filesystem::remove_all(folder);
    return tokenizer;
  }
};

TEST_P(TokenizerGolden, EncodesAndDecodesLikeTheLibrary) {
  const auto tokenizer = load();
  for (const Json& entry : golden().at("cases")) {
    const auto text = entry.at("text").get<std::string>();
    const auto ids = entry.at("ids").get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer->encode(text, false), ids) << text;
    EXPECT_EQ(tokenizer->encode(text, true), entry.value("with_special", ids)) << text;
    const std::string decoded = entry.value("decoded", text);
    EXPECT_EQ(tokenizer->decode(ids, false), decoded) << text;
    EXPECT_EQ(tokenizer->decode(ids, true), entry.value("skipped", decoded)) << text;
  }
}

TEST_P(TokenizerGolden, EncodesTheSameFromManyThreads) {
  const auto tokenizer = load();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      for (const Json& entry : golden().at("cases")) {
        wrong[i] += tokenizer->encode(entry.at("text").get<std::string>(), false) !=
                    entry.at("ids").get<std::vector<int32_t>>();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerGolden, testing::Range<size_t>(0, goldens().size()),
                         [](const auto& test) {
                           auto name =
                               goldens().at(test.param).at("name").template get<std::string>();
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace mpq
