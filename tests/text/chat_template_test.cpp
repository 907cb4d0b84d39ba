// Prompts equal what Jinja renders from the published templates.
#include "mpq/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "golden.h"
#include "mpq/core/error.h"
#include "src/text/chat_family.h"

namespace mpq {
namespace {

const Json& goldens() {
  static const Json file = read_golden("chat.json");
  return file;
}

text::Chat chat_of(const Json& golden, const Json& messages) {
  text::Chat chat;
  for (const Json& message : messages) {
    chat.messages.push_back({message.at("role"), message.at("content"), std::nullopt});
  }
  chat.bos = golden.at("bos");
  chat.eos = golden.at("eos");
  return chat;
}

class ChatGolden : public testing::TestWithParam<size_t> {
 protected:
  const Json& golden() const { return goldens().at(GetParam()); }
};

TEST_P(ChatGolden, RendersLikeJinja) {
  const auto fingerprint = golden().at("fingerprint").get<std::string>();
  const auto& families = text::chat_families();
  const auto family = std::find_if(families.begin(), families.end(), [&](const auto& candidate) {
    const auto& known = candidate.fingerprints;
    return std::count(known.begin(), known.end(), fingerprint) == 1;
  });
  ASSERT_NE(family, families.end());
  for (const Json& entry : golden().at("cases")) {
    const text::Chat chat = chat_of(golden(), entry.at("messages"));
    if (entry.at("expected").is_null()) {
      EXPECT_THROW(family->render(chat), Error) << entry.at("messages");
    } else {
      EXPECT_EQ(family->render(chat), entry.at("expected").get<std::string>());
    }
  }
}

TEST_P(ChatGolden, RendersFromAFolder) {
  if (!golden().contains("template")) return;  // only its fingerprint may be shipped
  const std::string folder = scratch_folder();
  const Json config = {{"chat_template", golden().at("template")},
                       {"bos_token", {{"content", golden().at("bos")}, {"lstrip", false}}},
                       {"eos_token", golden().at("eos")}};
  const Json& entry = golden().at("cases").at(0);
  write_scratch(folder, "tokenizer_config.json", config.dump());
  EXPECT_EQ(render_chat(entry.at("messages"), folder), entry.at("expected").get<std::string>());
  // The template in a file of its own comes first.
  write_scratch(folder, "chat_template.jinja", "{{ 'unknown' }}");
  EXPECT_THROW(render_chat(entry.at("messages"), folder), Error);
  write_scratch(folder, "chat_template.jinja", golden().at("template").get<std::string>() + "\n");
  if (golden().at("template").get<std::string>().back() != '\n') {
    EXPECT_EQ(render_chat(entry.at("messages"), folder), entry.at("expected").get<std::string>());
  }
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(All, ChatGolden, testing::Range<size_t>(0, goldens().size()),
                         [](const auto& test) {
                           return goldens().at(test.param).at("name").template get<std::string>();
                         });

TEST(ChatFamilies, EveryFingerprintHasAGolden) {
  std::vector<std::string> known, tested;
  for (const auto& family : text::chat_families()) {
    known.insert(known.end(), family.fingerprints.begin(), family.fingerprints.end());
  }
  for (const Json& golden : goldens()) tested.push_back(golden.at("fingerprint"));
  EXPECT_THAT(tested, testing::UnorderedElementsAreArray(known));
}

TEST(ChatTemplate, ErrorsSayWhatToDo) {
  const std::string folder = scratch_folder();
  const Json messages = Json::parse(R"([{"role": "user", "content": "x"}])");
  const auto expect = [&](const Json& given, ErrorCode code, const std::string& part) {
    try {
      render_chat(given, folder);
      FAIL() << given;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  };
  expect(messages, ErrorCode::Unsupported, "\"prompt\"");  // no tokenizer_config.json
  write_scratch(folder, "tokenizer_config.json", R"({"chat_template": "{{ messages }}"})");
  expect(messages, ErrorCode::Unsupported, folder);
  expect(Json::array(), ErrorCode::Format, "messages");
  expect(Json::parse(R"([{"role": "user"}])"), ErrorCode::Format, "content");
  expect(Json::parse(R"([3])"), ErrorCode::Format, "role");
  expect(Json::parse(R"([{"role": "tool", "content": "x"}])"), ErrorCode::Unsupported, "tool");
  write_scratch(folder, "tokenizer_config.json", R"({"chat_template": 7})");
  expect(messages, ErrorCode::Format, "chat_template");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mpq
