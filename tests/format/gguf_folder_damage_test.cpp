// Metadata that are damaged, or ask for what mpq does not compute, are refused by name.
#include <gmock/gmock.h>

#include <filesystem>
#include <limits>

#include "mpq/core/error.h"
#include "mpq/format/format.h"
#include "mpq/format/gguf_folder.h"
#include "tests/format/gguf_file.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class GgufFolderDamage : public testing::Test {
 protected:
  std::string error(ErrorCode code, const NanoGguf& nano) {
    const std::string file = place_.file(fmt::format("{}.gguf", count_++));
    nano.write(file);
    const std::string message = error_of(code, [&] { gguf_folder(file, place_.file("cache")); });
    EXPECT_THAT(message, HasSubstr(file));
    const bool left = std::filesystem::exists(place_.file("cache")) &&
                      !std::filesystem::is_empty(place_.file("cache"));
    EXPECT_FALSE(left) << "a folder was left behind";
    return message;
  }
  std::string error(ErrorCode code, const std::string& key, GgufValue value) {
    NanoGguf nano = nano_;
    nano.set(key, std::move(value));
    return error(code, nano);
  }

  const NanoGguf nano_;
  TemporaryFolder place_;
  int count_ = 0;
};

TEST_F(GgufFolderDamage, MissingKeys) {
  for (const char* key :
       {"general.architecture", "llama.block_count", "llama.context_length",
        "llama.embedding_length", "llama.feed_forward_length", "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon", "tokenizer.ggml.model", "tokenizer.ggml.pre",
        "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges"}) {
    NanoGguf nano = nano_;
    nano.remove(key);
    EXPECT_THAT(error(ErrorCode::Format, nano), AllOf(HasSubstr(key), HasSubstr("found none")));
  }
}

TEST_F(GgufFolderDamage, WrongTypes) {
  for (const char* key : {"llama.block_count", "llama.rope.freq_base", "general.architecture",
                          "tokenizer.ggml.tokens", "tokenizer.ggml.merges",
                          "tokenizer.ggml.add_bos_token", "tokenizer.ggml.bos_token_id"}) {
    EXPECT_THAT(error(ErrorCode::Format, key, GgufArray(std::vector<float>{1, 2})),
                AllOf(HasSubstr(key), HasSubstr("an array of 2 float32")));
  }
  EXPECT_THAT(error(ErrorCode::Format, "llama.block_count", 2.5F), HasSubstr("found 2.5"));
  EXPECT_THAT(error(ErrorCode::Format, "llama.block_count", std::string("six")),
              HasSubstr("found \"six\""));
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.chat_template", std::string("\xff{{")),
              HasSubstr("tokenizer.chat_template"));
}

TEST_F(GgufFolderDamage, NumbersOutOfRange) {
  for (const GgufValue& value : {GgufValue(uint32_t{0}), GgufValue(int32_t{-1}),
                                 GgufValue(uint64_t{1} << 63), GgufValue(uint32_t{3000000000})}) {
    EXPECT_THAT(error(ErrorCode::Format, "llama.embedding_length", value),
                HasSubstr("llama.embedding_length"));
  }
  error(ErrorCode::Format, "llama.block_count", uint32_t{2000000000});
  error(ErrorCode::Format, "llama.feed_forward_length", uint32_t{2000000000});
  error(ErrorCode::Format, "llama.attention.head_count_kv", uint32_t{3});
  EXPECT_THAT(error(ErrorCode::Format, "llama.attention.head_count", uint32_t{3}),
              HasSubstr("llama."));
  EXPECT_THAT(error(ErrorCode::Format, "llama.rope.dimension_count", uint32_t{66}),
              HasSubstr("llama.rope.dimension_count"));
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_THAT(error(ErrorCode::Format, "llama.attention.layer_norm_rms_epsilon", value),
                HasSubstr("layer_norm_rms_epsilon"));
  }
  error(ErrorCode::Format, "llama.rope.freq_base", -1.0F);
  error(ErrorCode::Format, "llama.rope.scaling.factor", -2.0F);
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.eos_token_id", uint32_t{2048}),
              HasSubstr("tokenizer.ggml.eos_token_id"));
}

TEST_F(GgufFolderDamage, ArraysOfOtherLengths) {
  auto tokens = nano_.array<std::string>("tokenizer.ggml.tokens");
  tokens.pop_back();
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.tokens", GgufArray(tokens)),
              HasSubstr("llama.vocab_size"));
  auto types = nano_.array<int32_t>("tokenizer.ggml.token_type");
  types.push_back(1);
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.token_type", GgufArray(types)),
              AllOf(HasSubstr("token_type"), HasSubstr("2048"), HasSubstr("2049")));
  NanoGguf spm = nano_;
  spm.set("tokenizer.ggml.model", std::string("llama"));
  EXPECT_THAT(error(ErrorCode::Format, spm), HasSubstr("tokenizer.ggml.scores"));
  spm.set("tokenizer.ggml.scores", GgufArray(std::vector<float>(7)));
  EXPECT_THAT(error(ErrorCode::Format, spm), HasSubstr("tokenizer.ggml.scores"));
  spm.set("tokenizer.ggml.scores", GgufArray(std::vector<float>(2048, std::nanf(""))));
  EXPECT_THAT(error(ErrorCode::Format, spm), HasSubstr("tokenizer.ggml.scores"));
}

TEST_F(GgufFolderDamage, Tokens) {
  auto tokens = nano_.array<std::string>("tokenizer.ggml.tokens");
  auto types = nano_.array<int32_t>("tokenizer.ggml.token_type");
  auto merges = nano_.array<std::string>("tokenizer.ggml.merges");
  const auto with = [](auto list, size_t index, auto value) {
    list[index] = value;
    return GgufArray(list);
  };
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.tokens", with(tokens, 300, tokens[301])),
              HasSubstr("tokenizer.ggml.tokens\"[301]"));
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.tokens", with(tokens, 9, "\xc3")),
              HasSubstr("tokenizer.ggml.tokens\"[9]"));
  EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.token_type", with(types, 5, 7)),
              HasSubstr("tokenizer.ggml.token_type\"[5]"));
  for (const char* merge : {"", "x", " ", "q zzzzz", "a b c"}) {
    EXPECT_THAT(error(ErrorCode::Format, "tokenizer.ggml.merges", with(merges, 8, merge)),
                HasSubstr("tokenizer.ggml.merges\"[8]"));
  }
}

TEST_F(GgufFolderDamage, WhatMpqDoesNotComputeIsNamed) {
  const auto refused = [&](const char* key, GgufValue value, const char* named) {
    EXPECT_THAT(error(ErrorCode::Unsupported, key, std::move(value)),
                AllOf(HasSubstr(key), HasSubstr(named)));
  };
  refused("general.architecture", std::string("mamba"), "mamba");
  refused("general.type", std::string("adapter"), "adapter");
  refused("split.count", uint16_t{3}, "llama-gguf-split");
  refused("llama.expert_shared_feed_forward_length", uint32_t{8}, "asks for");
  refused("llama.attention.scale", 0.5F, "asks for");
  refused("llama.attention.value_length", uint32_t{32}, "32");
  refused("llama.rope.dimension_count", uint32_t{32}, "32 of 64");
  refused("llama.rope.scaling.type", std::string("ntk"), "ntk");
  refused("llama.rope.scaling.attn_factor", 2.0F, "longrope");
  refused("tokenizer.ggml.model", std::string("t5"), "t5");
  refused("tokenizer.ggml.pre", std::string("unheard-of"), "unheard-of");
}

TEST_F(GgufFolderDamage, CountsOfExperts) {
  EXPECT_THAT(error(ErrorCode::Format, "llama.expert_count", uint32_t{8}),
              HasSubstr("llama.expert_used_count"));
  EXPECT_THAT(error(ErrorCode::Format, "llama.expert_count", int32_t{-8}),
              HasSubstr("llama.expert_count"));
}

TEST_F(GgufFolderDamage, ATensorWithoutAPlaceIsNamed) {
  const std::string nano = source_path("data/nano-llama");
  const auto weights = open_safetensors_folder(nano);
  GgufModel model = nano_.model;
  GgufTensor extra;
  extra.name = "blk.3.attn_sinks.weight";
  extra.shape = {4};
  extra.values = {1, 2, 3, 4};
  model.tensors.push_back(extra);
  write_gguf(place_.file("a.gguf"), model, weights.get());
  const std::string folder = gguf_folder(place_.file("a.gguf"), place_.file("cache"));
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { open_checkpoint(folder); }),
              HasSubstr("blk.3.attn_sinks.weight"));
}

TEST_F(GgufFolderDamage, AFileOutsideTheFolderIsRefused) {
  for (const char* name : {"../model.gguf", "/etc/passwd", "", ".."}) {
    const Json config = {{"quantization_config", {{"quant_method", "gguf"}, {"file", name}}}};
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { gguf_file_name(config, "config.json"); }),
                HasSubstr("\"file\""));
  }
  EXPECT_EQ(gguf_file_name({{"quantization_config", {{"quant_method", "gguf"}}}}, ""),
            "model.gguf");
  EXPECT_EQ(gguf_file_name({{"quantization_config", {{"quant_method", "mlx"}}}}, ""), std::nullopt);
  EXPECT_EQ(gguf_file_name(Json(), ""), std::nullopt);
}

}  // namespace
}  // namespace mpq
