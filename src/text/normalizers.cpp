// The normalizers of tokenizer.json.
#include <functional>
#include <vector>

#include "byte_level.h"
#include "mpq/core/error.h"
#include "normalizer.h"
#include "pattern.h"
#include "tokenizer_json.h"
#include "unicode.h"
#include "utf8.h"

namespace mpq::text {
namespace {

class Function : public Normalizer {
 public:
  explicit Function(std::function<std::string(const std::string&)> function)
      : function_(std::move(function)) {}
  void apply(std::string& text) const override { text = function_(text); }

 private:
  std::function<std::string(const std::string&)> function_;
};

class NormalizerSequence : public Normalizer {
 public:
  NormalizerSequence(const Json& component, const std::string& where) {
    for (const Json& part : component_list(component, "normalizers", where)) {
      if (auto normalizer = make_normalizer(part, where)) parts_.push_back(std::move(normalizer));
    }
  }
  void apply(std::string& text) const override {
    for (const auto& part : parts_) part->apply(text);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

class Replace : public Normalizer {
 public:
  Replace(const Json& component, const std::string& where)
      : pattern_(make_pattern(json_get<Json>(component, "pattern", where), where)),
        content_(json_get<std::string>(component, "content", where)) {}
  void apply(std::string& text) const override { text = replaced(text, *pattern_, content_); }

 private:
  std::unique_ptr<Pattern> pattern_;
  std::string content_;
};

std::string stripped(const std::string& text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!is_white_space(next_code_point(text, next))) break;
    begin = next;
  }
  while (right && end > begin) {
    size_t previous = end;
    if (!is_white_space(previous_code_point(text, previous))) break;
    end = previous;
  }
  return text.substr(begin, end - begin);
}

std::string without_accents(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t code_point = next_code_point(text, at);
    if (!is_mark(code_point)) append_utf8(out, code_point);
  }
  return out;
}

std::unique_ptr<Normalizer> make_form(NormalForm form) {
  return std::make_unique<Function>(
      [form](const std::string& text) { return normalized(text, form); });
}

}  // namespace

std::unique_ptr<Normalizer> make_normalizer(const Json& component, const std::string& where) {
  if (component.is_null()) return nullptr;
  const std::string type = component_type(component, where);
  if (type == "Sequence") return std::make_unique<NormalizerSequence>(component, where);
  if (type == "NFC") return make_form(NormalForm::Nfc);
  if (type == "NFD") return make_form(NormalForm::Nfd);
  if (type == "NFKC") return make_form(NormalForm::Nfkc);
  if (type == "NFKD") return make_form(NormalForm::Nfkd);
  if (type == "Replace") return std::make_unique<Replace>(component, where);
  if (type == "Lowercase") return std::make_unique<Function>(lower_case);
  if (type == "StripAccents") return std::make_unique<Function>(without_accents);
  if (type == "ByteLevel") {
    return std::make_unique<Function>([](const std::string& text) { return byte_level(text); });
  }
  if (type == "Prepend") {
    const auto prefix = json_get<std::string>(component, "prepend", where);
    return std::make_unique<Function>(
        [prefix](const std::string& text) { return text.empty() ? text : prefix + text; });
  }
  if (type == "Strip") {
    const bool left = json_get_or<bool>(component, "strip_left", true, where);
    const bool right = json_get_or<bool>(component, "strip_right", true, where);
    return std::make_unique<Function>(
        [=](const std::string& text) { return stripped(text, left, right); });
  }
  fail(ErrorCode::Unsupported,
       "{}: the normalizer \"{}\" is not supported; supported: NFC, NFD, NFKC, NFKD, Replace, "
       "Prepend, Strip, Lowercase, StripAccents, ByteLevel, Sequence",
       where, type);
}

}  // namespace mpq::text
