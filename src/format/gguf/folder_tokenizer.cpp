// The inverse of gguf_tokenizer.cpp, as transformers would write the files.
#include "folder_tokenizer.h"

#include <algorithm>
#include <set>

#include "folder_vocabulary.h"
#include "pre_tokenizer_steps.h"
#include "vocabulary.h"

namespace mpq {
namespace {

using nlohmann::json;

constexpr const char* kPre = "tokenizer.ggml.pre";
constexpr const char* kTemplate = "tokenizer.chat_template";

/// Tokens that end a turn, which llama.cpp knows by their names.
constexpr std::string_view kEnds[] = {
    "<|eot_id|>",      "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>",     "<|endoftext|>",
    "<|end_of_text|>", "</s>",       "<eos>",      "<EOT>",   "<end_of_utterance>"};

class Builder {
 public:
  explicit Builder(const GgufFile& file)
      : reader_(file.metadata(), file.path()), vocabulary_(reader_) {}

  FolderTokenizer build() {
    result_.ids = result_.config = Json::object();
    require(!reader_.find_flag("tokenizer.ggml.remove_extra_whitespaces").value_or(false),
            ErrorCode::Unsupported, "{}: mpq keeps spaces as they are",
            reader_.where("tokenizer.ggml.remove_extra_whitespaces"));
    result_.json = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
    if (vocabulary_.is_sentencepiece()) {
      add_sentencepiece();
    } else {
      add_byte_level();
    }
    add_model();
    add_added_tokens();
    add_post_processor();
    add_config();
    return std::move(result_);
  }

 private:
  void add_sentencepiece() {
    const bool prefix = reader_.find_flag("tokenizer.ggml.add_space_prefix").value_or(true);
    result_.config["add_prefix_space"] = prefix;
    adds_bos_ = true;
    json normalizers = json::array(), decoders = json::array();
    if (prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", kMetaspace}});
    normalizers.push_back(
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kMetaspace}});
    decoders.push_back(
        {{"type", "Replace"}, {"pattern", {{"String", kMetaspace}}}, {"content", " "}});
    decoders.push_back({{"type", "ByteFallback"}});
    decoders.push_back({{"type", "Fuse"}});
    if (prefix)
      decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    result_.json["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
    result_.json["pre_tokenizer"] = nullptr;
    result_.json["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  }

  void add_byte_level() {
    result_.pre = reader_.text(kPre);
    auto steps = pre_tokenizer_steps(result_.pre);
    require(steps.has_value(), ErrorCode::Unsupported,
            "{}: mpq does not know how \"{}\" cuts a text into words; give the model's own folder",
            reader_.where(kPre), result_.pre);
    result_.json["normalizer"] = nullptr;
    result_.json["pre_tokenizer"] = std::move(steps->json);
    result_.json["decoder"] = {{"type", "ByteLevel"},
                               {"add_prefix_space", true},
                               {"trim_offsets", true},
                               {"use_regex", true}};
    ignore_merges_ = steps->ignore_merges;
    adds_bos_ = steps->adds_bos;
  }

  void add_model() {
    json vocab = json::object(), merges = json::array();
    bool has_bytes = false;
    for (int64_t id = 0; id < vocabulary_.size(); ++id) {
      if (!vocabulary_.is_padding(id)) vocab[vocabulary_.token(id)] = id;
      has_bytes = has_bytes || vocabulary_.type(id) == GgufTokenType::Byte;
    }
    for (auto& [left, right] : vocabulary_.merges())
      merges.push_back(json::array({std::move(left), std::move(right)}));
    const bool sentencepiece = vocabulary_.is_sentencepiece();
    const auto unknown = sentencepiece ? vocabulary_.special("unknown") : std::nullopt;
    result_.json["model"] = {{"type", "BPE"},
                             {"dropout", nullptr},
                             {"unk_token", nullptr},
                             {"continuing_subword_prefix", nullptr},
                             {"end_of_word_suffix", nullptr},
                             {"fuse_unk", sentencepiece},
                             {"byte_fallback", sentencepiece && has_bytes},
                             {"ignore_merges", ignore_merges_},
                             {"vocab", std::move(vocab)},
                             {"merges", std::move(merges)}};
    if (unknown) result_.json["model"]["unk_token"] = vocabulary_.token(*unknown);
  }

  /// No GGUF file says of which tokens the spaces behind them belong to them. Phi-3's do, but for
  /// three; llama.cpp knows it by the model's name.
  bool strips_behind(int64_t id) const {
    if (!vocabulary_.is_sentencepiece() || reader_.text("general.architecture") != "phi3")
      return false;
    const std::string& token = vocabulary_.token(id);
    return token != "<unk>" && token != "<s>" && token != "<|endoftext|>";
  }

  void add_added_tokens() {
    json list = json::array();
    for (int64_t id = 0; id < vocabulary_.size(); ++id) {
      if (!vocabulary_.is_added(id)) continue;
      list.push_back({{"id", id},
                      {"content", vocabulary_.token(id)},
                      {"single_word", false},
                      {"lstrip", false},
                      {"rstrip", strips_behind(id)},
                      {"normalized", false},
                      {"special", vocabulary_.type(id) != GgufTokenType::User}});
    }
    result_.json["added_tokens"] = std::move(list);
  }

  bool adds(const char* kind, bool fallback) {
    const std::string key = fmt::format("tokenizer.ggml.add_{}_token", kind);
    const bool value = reader_.find_flag(key).value_or(fallback);
    require(!value || vocabulary_.special(kind), ErrorCode::Format,
            "{}: expected the id of the token that is added, found none",
            reader_.where(fmt::format("tokenizer.ggml.{}_token_id", kind)));
    result_.config[fmt::format("add_{}_token", kind)] = value;
    return value;
  }

  void add_post_processor() {
    const bool bos = adds("bos", adds_bos_), eos = adds("eos", false);
    result_.json["post_processor"] = nullptr;
    if (!bos && !eos) return;
    json tokens = json::object();
    const auto special = [&](const char* kind, int type) -> json {
      const int64_t id = *vocabulary_.special(kind);
      const std::string& token = vocabulary_.token(id);
      tokens[token] = {{"id", token}, {"ids", json::array({id})}, {"tokens", json::array({token})}};
      return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
    };
    json single = json::array(), pair = json::array();
    for (int type = 0; type < 2; ++type) {
      const json text = {{"Sequence", {{"id", type == 0 ? "A" : "B"}, {"type_id", type}}}};
      if (bos) pair.push_back(special("bos", type));
      pair.push_back(text);
      if (eos) pair.push_back(special("eos", type));
      if (type == 0) single = pair;
    }
    result_.json["post_processor"] = {{"type", "TemplateProcessing"},
                                      {"single", std::move(single)},
                                      {"pair", std::move(pair)},
                                      {"special_tokens", std::move(tokens)}};
  }

  Json chat_templates() const {
    const auto standard = reader_.find_text(kTemplate);
    if (!reader_.has("tokenizer.chat_templates")) return standard ? Json(*standard) : Json();
    Json list = Json::array();
    if (standard) list.push_back({{"name", "default"}, {"template", *standard}});
    for (const std::string& name : reader_.texts("tokenizer.chat_templates"))
      list.push_back(
          {{"name", name}, {"template", reader_.text(fmt::format("{}.{}", kTemplate, name))}});
    return list;
  }

  void add_config() {
    Json& config = result_.config;
    config["tokenizer_class"] = "PreTrainedTokenizerFast";
    config["clean_up_tokenization_spaces"] = false;
    for (const auto& [kind, name] : {std::pair{"bos", "bos"},
                                     {"eos", "eos"},
                                     {"unknown", "unk"},
                                     {"padding", "pad"},
                                     {"seperator", "sep"},
                                     {"mask", "mask"}}) {
      const auto id = vocabulary_.special(kind);
      if (!id) continue;
      config[fmt::format("{}_token", name)] = vocabulary_.token(*id);
      if (kind == std::string_view("bos") || kind == std::string_view("eos") ||
          kind == std::string_view("padding"))
        result_.ids[fmt::format("{}_token_id", name)] = *id;
    }
    if (const Json templates = chat_templates(); !templates.is_null())
      config["chat_template"] = templates;
    std::set<int64_t> ends;
    for (const char* kind : {"eos", "eot", "eom"}) {
      if (const auto id = vocabulary_.special(kind)) ends.insert(*id);
    }
    for (const std::string_view end : kEnds) {
      const auto id = vocabulary_.find(end);
      if (id && vocabulary_.is_added(*id)) ends.insert(*id);
    }
    result_.generation = result_.ids;
    if (!ends.empty()) result_.generation["eos_token_id"] = ends;
  }

  MetadataReader reader_;
  FolderVocabulary vocabulary_;
  FolderTokenizer result_;
  bool ignore_merges_ = false;
  bool adds_bos_ = false;  // where the file does not say
};

}  // namespace

FolderTokenizer folder_tokenizer(const GgufFile& file) { return Builder(file).build(); }

}  // namespace mpq
