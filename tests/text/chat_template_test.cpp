// Prompts equal what Jinja renders, from every place where a checkpoint keeps its template.
#include "mpq/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "golden.h"
#include "jinja_clock.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

const Json kMessages = Json::parse(R"([{"role": "user", "content": "x"}])");

class ChatTemplate : public testing::Test {
 protected:
  ChatTemplate() : folder_(scratch_folder()) {}
  ~ChatTemplate() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
    write_scratch(folder_, name, content);
  }
  std::string render(const Json& messages = kMessages, const ChatOptions& options = {}) const {
    return render_chat(messages, folder_, options);
  }
  void expect_error(const Json& messages, ErrorCode code, const std::string& part) const {
    try {
      render(messages);
      FAIL() << messages;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  }

  const std::string folder_;
};

TEST_F(ChatTemplate, RendersLikeJinja) {
  ChatOptions options;
  options.variables = {{"date_string", "26 Jul 2024"}};
  for (const Json& golden : read_golden("chat.json")) {
    SCOPED_TRACE(golden.at("name"));
    const Json config = {{"chat_template", golden.at("template")},
                         {"bos_token", {{"content", golden.at("bos")}, {"lstrip", false}}},
                         {"eos_token", golden.at("eos")}};
    write("tokenizer_config.json", config.dump());
    for (const Json& entry : golden.at("cases")) {
      if (entry.at("expected").is_null()) {
        EXPECT_THROW(render(entry.at("messages"), options), Error) << entry.at("messages");
      } else {
        EXPECT_EQ(render(entry.at("messages"), options), entry.at("expected").get<std::string>());
      }
    }
  }
}

TEST_F(ChatTemplate, PlacesComeInTransformersOrder) {
  write("tokenizer_config.json", R"({"chat_template": "config"})");
  EXPECT_EQ(render(), "config");
  write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(render(), "json");
  write("chat_template.jinja", "jinja\n");
  EXPECT_EQ(render(), "jinja");
  ChatOptions with_tools;
  with_tools.tools = Json::array();
  EXPECT_EQ(render(kMessages, with_tools), "jinja");
  write("additional_chat_templates/tool_use.jinja", "tools");
  EXPECT_EQ(render(), "jinja");
  EXPECT_EQ(render(kMessages, with_tools), "tools");
}

TEST_F(ChatTemplate, NamedTemplatesOfTheConfiguration) {
  const Json named = {{{"name", "default"}, {"template", "plain"}},
                      {{"name", "tool_use"}, {"template", "{{ tools[0].name }}"}}};
  write("tokenizer_config.json", Json({{"chat_template", named}}).dump());
  EXPECT_EQ(render(), "plain");
  ChatOptions options;
  options.tools = Json::parse(R"([{"name": "f"}])");
  EXPECT_EQ(render(kMessages, options), "f");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  expect_error(kMessages, ErrorCode::Unsupported, "rag");
}

TEST_F(ChatTemplate, OptionsAndSpecialTokens) {
  write(
      "chat_template.jinja",
      "{{ bos_token }}{{ pad_token }}{{ eos_token }}{{ add_generation_prompt }}{{ tools is none }}"
      "{{ enable_thinking is defined }}");
  write("tokenizer_config.json", R"({"bos_token": "<s>", "pad_token": null})");
  write("special_tokens_map.json", R"({"bos_token": "<no>", "pad_token": {"content": "<p>"}})");
  EXPECT_EQ(render(), "<s><p>TrueTrueFalse");
  ChatOptions options;
  options.add_generation_prompt = false;
  options.tools = Json::array();
  options.variables = {{"enable_thinking", false}, {"eos_token", "<e>"}};
  EXPECT_EQ(render(kMessages, options), "<s><p><e>FalseFalseTrue");
}

TEST_F(ChatTemplate, TheClockIsGiven) {
  write("chat_template.jinja", "{{ strftime_now('%d %b %Y') }}");
  ChatOptions options;
  options.clock = fixed_time;
  EXPECT_EQ(render(kMessages, options), "07 Mar 2025");
}

TEST_F(ChatTemplate, MessagesKeepTheirMembers) {
  write("chat_template.jinja", "{% for m in messages %}{{ m }}\n{% endfor %}");
  const Json messages = Json::parse(
      R"([{"role": "user", "content": [{"type": "image"}], "name": "N"},
          {"role": "assistant", "content": null, "reasoning": "r", "tool_calls": [{"id": 1}]}])");
  EXPECT_EQ(render(messages),
            "{'role': 'user', 'content': [{'type': 'image'}], 'name': 'N'}\n"
            "{'thinking': 'r', 'role': 'assistant', 'content': None, 'reasoning': 'r', "
            "'tool_calls': [{'id': 1}], 'reasoning_content': 'r'}\n");
}

TEST_F(ChatTemplate, NullIsGivenAndLeftOutWhereTheTemplateFailsOnIt) {
  const Json messages = Json::parse(R"([{"role": "assistant", "content": null}])");
  write("chat_template.jinja", "{{ messages[0].content is none }}");
  EXPECT_EQ(render(messages), "True");
  write(
      "chat_template.jinja",
      "{% if 'content' in messages[0] %}{{ 'x' + messages[0].content }}{% else %}none{% endif %}");
  EXPECT_EQ(render(messages), "none");
  write("chat_template.jinja", "{{ messages[0].content.upper() }}");
  expect_error(messages, ErrorCode::Format, "None");
}

TEST_F(ChatTemplate, TextPartsAreJoinedForTemplatesThatKnowTextAlone) {
  const Json messages = Json::parse(
      R"([{"role": "user", "content": [{"type": "text", "text": " a"}, {"type": "text", "text": "b"}]}])");
  const auto with = [&](const char* of_content) {
    write("chat_template.jinja",
          fmt::format("{{% for m in messages %}}<{}>{{% endfor %}}", of_content));
    return render(messages);
  };
  EXPECT_EQ(with("{% for part in m.content %}{{ part.text }}|{% endfor %}"), "< a|b|>");
  EXPECT_EQ(with("{{ m.content }}"), "< a\nb>");         // would print the list
  EXPECT_EQ(with("{{ m.content + '!' }}"), "< a\nb!>");  // would fail
  EXPECT_EQ(with("{% if m.content is string %}{{ m.content }}{% endif %}"),
            "< a\nb>");                                                        // or nothing
  EXPECT_EQ(with("{{ m.content[0].text | default(m.content) }}"), "< a\nb>");  // or one
  write("chat_template.jinja", "{{ raise_exception('never') }}");
  expect_error(messages, ErrorCode::Format, "never");
}

TEST_F(ChatTemplate, ErrorsSayWhatToDo) {
  expect_error(kMessages, ErrorCode::Unsupported, "\"prompt\"");  // no tokenizer_config.json
  write("tokenizer_config.json",
        R"({"chat_template": "\n{{ raise_exception('no ' ~ 'system') }}"})");
  expect_error(kMessages, ErrorCode::Format, "no system");
  expect_error(kMessages, ErrorCode::Format, folder_ + "/tokenizer_config.json: line 2");
  expect_error(Json::array(), ErrorCode::Format, "messages");
  expect_error(Json::parse(R"([3])"), ErrorCode::Format, "role");
  expect_error(Json::parse(R"([{"content": "x"}])"), ErrorCode::Format, "role");
  write("tokenizer_config.json", R"({"chat_template": 7})");
  expect_error(kMessages, ErrorCode::Format, "chat_template");
}

}  // namespace
}  // namespace mpq
