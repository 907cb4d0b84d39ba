// The decoders of tokenizer.json.
#include <charconv>

#include "byte_level.h"
#include "decoder.h"
#include "mpq/core/error.h"
#include "pattern.h"
#include "pre_tokenizer.h"
#include "tokenizer_json.h"
#include "utf8.h"

namespace mpq::text {
namespace {

class ByteLevelDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) append_bytes(token, bytes);
    tokens.assign(1, repaired_utf8(bytes));
  }

 private:
  // A token with a character that stands for no byte (an added token) is itself.
  static void append_bytes(const std::string& token, std::string& out) {
    const size_t before = out.size();
    for (size_t at = 0; at < token.size();) {
      const int byte = byte_of(next_code_point(token, at));
      if (byte < 0) {
        out.resize(before);
        out += token;
        return;
      }
      out += static_cast<char>(byte);
    }
  }
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(const Json& component, const std::string& where)
      : pattern_(make_pattern(json_get<Json>(component, "pattern", where), where)),
        content_(json_get<std::string>(component, "content", where)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = replaced(token, *pattern_, content_);
  }

 private:
  std::unique_ptr<Pattern> pattern_;
  std::string content_;
};

class ByteFallback : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> result;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (invalid_utf8_at(bytes) == bytes.npos) {
        result.push_back(bytes);
      } else {
        result.insert(result.end(), bytes.size(), "\xEF\xBF\xBD");  // one U+FFFD a byte
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      const int byte = byte_token(token);
      if (byte >= 0) {
        bytes += static_cast<char>(byte);
      } else {
        flush();
        result.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(result);
  }

 private:
  static int byte_token(const std::string& token) {
    if (token.size() != 6 || token.compare(0, 3, "<0x") != 0 || token[5] != '>') return -1;
    unsigned value = 0;
    const char* end = token.data() + 5;
    const auto parsed = std::from_chars(token.data() + 3, end, value, 16);
    return parsed.ptr == end && parsed.ec == std::errc() ? static_cast<int>(value) : -1;
  }
};

class Fuse : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, all);
  }
};

class StripDecoder : public Decoder {
 public:
  StripDecoder(const Json& component, const std::string& where)
      : content_(one_character(component, "content", where)),
        start_(json_get<uint32_t>(component, "start", where)),
        stop_(json_get<uint32_t>(component, "stop", where)) {}
  void apply(std::vector<std::string>& tokens) const override {
    const size_t size = content_.size();
    for (std::string& token : tokens) {
      size_t begin = 0, end = token.size();
      for (uint32_t i = 0; i < start_ && token.compare(begin, size, content_) == 0; ++i) {
        begin += size;
      }
      for (uint32_t i = 0;
           i < stop_ && end >= begin + size && token.compare(end - size, size, content_) == 0;
           ++i) {
        end -= size;
      }
      token = token.substr(begin, end - begin);
    }
  }

 private:
  std::string content_;
  uint32_t start_, stop_;
};

class MetaspaceDecoder : public Decoder {
 public:
  MetaspaceDecoder(const Json& component, const std::string& where)
      : mark_(make_pattern(one_character(component, "replacement", where), where)),
        drops_first_(metaspace_scheme(component, where) != PrependScheme::Never) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replaced(tokens[i], *mark_, i == 0 && drops_first_ ? "" : " ");
    }
  }

 private:
  std::unique_ptr<Pattern> mark_;
  bool drops_first_;
};

class DecoderSequence : public Decoder {
 public:
  DecoderSequence(const Json& component, const std::string& where) {
    for (const Json& part : component_list(component, "decoders", where)) {
      if (auto decoder = make_decoder(part, where)) parts_.push_back(std::move(decoder));
    }
  }
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& part : parts_) part->apply(tokens);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> parts_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const Json& component, const std::string& where) {
  if (component.is_null()) return nullptr;
  const std::string type = component_type(component, where);
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "Replace") return std::make_unique<ReplaceDecoder>(component, where);
  if (type == "ByteFallback") return std::make_unique<ByteFallback>();
  if (type == "Fuse") return std::make_unique<Fuse>();
  if (type == "Strip") return std::make_unique<StripDecoder>(component, where);
  if (type == "Metaspace") return std::make_unique<MetaspaceDecoder>(component, where);
  if (type == "Sequence") return std::make_unique<DecoderSequence>(component, where);
  fail(ErrorCode::Unsupported,
       "{}: the decoder \"{}\" is not supported; supported: ByteLevel, Replace, ByteFallback, "
       "Fuse, Strip, Metaspace, Sequence",
       where, type);
}

}  // namespace mpq::text
