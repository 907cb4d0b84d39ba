// Follows what llama.cpp's converter reads from the post-processor and the tokenizer's settings.
#include "special_tokens.h"

#include <algorithm>
#include <map>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Keys of ids, in the order in which the converter looks for them. It knows none for "cls".
constexpr std::pair<const char*, const char*> kKinds[] = {
    {"bos", "bos"},     {"eos", "eos"},   {"unk", "unknown"}, {"sep", "seperator"},
    {"pad", "padding"}, {"mask", "mask"}, {"eot", "eot"},     {"eom", "eom"}};

class Reader {
 public:
  Reader(const TokenizerFiles& files, const Json& config, std::optional<int64_t> size)
      : files_(files), config_(config), size_(size) {
    for (const char* kind : {"bos", "eos", "unk", "sep", "pad", "cls", "mask"})
      names_[kind] = files.named_token(fmt::format("{}_token", kind));
  }

  GgufMetadata read(const std::vector<SpecialToken>& otherwise) {
    read_post_processor();
    for (const auto& [kind, key] : kKinds) read_settings(kind);
    for (const auto& [kind, key] : kKinds) {
      if (has_kind(kind) && config_.is_object() &&
          config_.contains(fmt::format("{}_token_id", kind)))
        set_id(kind, config_[fmt::format("{}_token_id", kind)]);
    }
    for (const SpecialToken& token : otherwise) {
      const auto found =
          std::find_if(files_.added.begin(), files_.added.end(),
                       [&](const AddedToken& added) { return added.content == token.content; });
      if (found != files_.added.end()) set_id(token.kind, found->id);
    }
    GgufMetadata result;
    for (const auto& [kind, id] : ids_) {
      const auto* key = std::find_if(std::begin(kKinds), std::end(kKinds),
                                     [&](const auto& entry) { return kind == entry.first; });
      result.push_back(
          {fmt::format("tokenizer.ggml.{}_token_id", key->second), static_cast<uint32_t>(id)});
    }
    for (const auto& [kind, value] : added_) {
      if (kind == "bos" || kind == "eos" || kind == "sep")
        result.push_back({fmt::format("tokenizer.ggml.add_{}_token", kind), value});
    }
    return result;
  }

 private:
  using Flags = std::vector<std::pair<std::string, bool>>;

  bool has_config() const { return files_.config.is_object() && !files_.config.empty(); }
  bool has_kind(const std::string& kind) const {
    return (kind != "eot" || eot_) && (kind != "eom" || eom_);
  }
  bool* find_flag(const std::string& kind) {
    const auto found = std::find_if(added_.begin(), added_.end(),
                                    [&](const auto& entry) { return entry.first == kind; });
    return found == added_.end() ? nullptr : &found->second;
  }
  void set_flag(const std::string& kind, bool value) {
    if (bool* flag = find_flag(kind)) {
      *flag = value;
    } else {
      added_.emplace_back(kind, value);
    }
  }

  void set_id(const std::string& kind, const nlohmann::ordered_json& value) {
    if (!value.is_number_integer()) return;  // null, or a list
    const auto id = value.get<int64_t>();
    if (id == -1) return;  // as some configurations say that there is none
    require(id >= 0 && id <= UINT32_MAX, ErrorCode::Format,
            "{}: the \"{}\" token: expected an id, found {}", files_.folder, kind, id);
    const bool known = std::any_of(ids_.begin(), ids_.end(),
                                   [&](const auto& entry) { return entry.first == kind; });
    if (!known && (!size_ || id < *size_)) ids_.emplace_back(kind, id);
  }

  void read_settings(const std::string& kind) {
    if (!has_config() || !has_kind(kind)) return;
    const std::string key = fmt::format("add_{}_token", kind);
    const auto flag = files_.config.find(key);
    if (flag != files_.config.end() && flag->is_boolean() && find_flag(kind) == nullptr)
      set_flag(kind, flag->get<bool>());
    const std::string& name = names_[kind];
    const auto found = std::find_if(files_.added.begin(), files_.added.end(),
                                    [&](const AddedToken& token) { return token.content == name; });
    if (!name.empty() && found != files_.added.end()) set_id(kind, found->id);
  }

  void read_post_processor() {
    if (!files_.json.is_object()) return;
    if (names_["bos"].empty()) names_["bos"] = names_["cls"];
    if (names_["eos"].empty()) names_["eos"] = names_["sep"];
    const auto found = files_.json.find("post_processor");
    if (found == files_.json.end() || !found->is_object()) return;
    const auto list = found->find("processors");
    if (list == found->end() || !list->is_array()) {
      read_processor(*found);
    } else {
      for (const auto& processor : *list) read_processor(processor);
    }
  }

  void read_processor(const nlohmann::json& processor) {
    const auto type = processor.is_object() ? processor.find("type") : processor.end();
    if (type == processor.end()) return;
    if (*type == "ByteLevel") {
      if (find_flag("bos") == nullptr) set_flag("bos", false);
      if (find_flag("eos") == nullptr) set_flag("eos", false);
    } else if (*type == "TemplateProcessing") {
      read_template(steps_of(processor, "single"), steps_of(processor, "pair"));
    }
  }

  /// A step of a template: a special token's name, or "" and the sequence's.
  struct Step {
    std::string special, sequence;
  };
  static std::vector<Step> steps_of(const nlohmann::json& processor, const char* key) {
    std::vector<Step> steps;
    const auto list = processor.find(key);
    if (list == processor.end() || !list->is_array()) return steps;
    const auto name = [](const nlohmann::json& step, const char* kind) {
      const auto entry = step.is_object() ? step.find(kind) : step.end();
      if (entry == step.end() || !entry->is_object()) return std::string();
      const auto id = entry->find("id");
      return id != entry->end() && id->is_string() ? id->get<std::string>() : std::string();
    };
    for (const auto& step : *list)
      steps.push_back({name(step, "SpecialToken"), name(step, "Sequence")});
    return steps;
  }

  void read_template(const std::vector<Step>& single, std::vector<Step> pair) {
    std::string first, last;
    if (single.size() > 1) {
      first = single.front().special;
      last = single.back().special;
    }
    if (!first.empty()) {
      if (!has_config()) names_["bos"] = first;
      if (first != names_["bos"] && first != names_["cls"]) {
        if (names_["bos"].empty()) names_["bos"] = first;
        if (names_["cls"].empty()) names_["cls"] = first;
      }
      set_flag("bos", first == names_["bos"] || first == names_["cls"]);
    }
    if (!last.empty()) {
      if (has_config() && last != names_["eos"]) {  // what ended a turn is another token then
        bool& more = eot_ ? eom_ : eot_;
        if (!more) names_[eot_ ? "eom" : "eot"] = names_["eos"];
        more = true;
      }
      names_["eos"] = last;
      set_flag("eos", true);
    }
    if (pair.empty()) return;
    if (!first.empty() && pair.front().special == first) pair.erase(pair.begin());
    if (!last.empty() && !pair.empty() && pair.back().special == last) pair.pop_back();
    if (pair.size() < 3 || pair.front().sequence != "A" || pair.back().sequence != "B") return;
    const auto separates = [&](const std::string& token) {
      return !token.empty() && (token == names_["sep"] || token == names_["eos"]);
    };
    const bool adds = (separates(pair[1].special) && last.empty()) ||
                      (pair.size() == 4 && separates(pair[2].special));
    set_flag("sep", adds);
    if (adds && names_["sep"].empty()) names_["sep"] = names_["eos"];
  }

  const TokenizerFiles& files_;
  const Json& config_;
  std::optional<int64_t> size_;
  std::map<std::string, std::string> names_;  // by kind
  std::vector<std::pair<std::string, int64_t>> ids_;
  Flags added_;
  bool eot_ = false, eom_ = false;
};

}  // namespace

GgufMetadata special_tokens(const TokenizerFiles& files, const Json& config,
                            std::optional<int64_t> size,
                            const std::vector<SpecialToken>& otherwise) {
  return Reader(files, config, size).read(otherwise);
}

void set_gguf_value(GgufMetadata& metadata, const std::string& key, GgufValue value) {
  for (GgufEntry& entry : metadata) {
    if (entry.key != key) continue;
    entry.value = std::move(value);
    return;
  }
  metadata.push_back({key, std::move(value)});
}

}  // namespace mpq
