// SQuAD's normalisation over code points, and its two metrics.
#include "answer_metrics.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>

namespace mpq {
namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

bool is_ascii_punctuation(utf8proc_int32_t c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
         (c >= 123 && c <= 126);
}

bool is_space(utf8proc_int32_t c) {
  const auto kind = utf8proc_category(c);
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 ||
         (kind >= UTF8PROC_CATEGORY_ZS && kind <= UTF8PROC_CATEGORY_ZP);
}

/// What a word of SQuAD's \b(a|an|the)\b is made of, once punctuation is gone: letters and numbers.
bool is_alphanumeric(utf8proc_int32_t c) {
  const auto kind = utf8proc_category(c);
  return (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO) ||
         (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO);
}

/// Lower-case code points without ASCII punctuation; bytes that are not UTF-8 are dropped.
std::vector<utf8proc_int32_t> plain_code_points(std::string_view text) {
  std::vector<utf8proc_int32_t> result;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code_point = 0;
    const auto size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                         static_cast<utf8proc_ssize_t>(text.size() - at), &code_point);
    at += size > 0 ? static_cast<size_t>(size) : 1;
    if (size > 0 && !is_ascii_punctuation(code_point))
      result.push_back(utf8proc_tolower(code_point));
  }
  return result;
}

bool is_article(std::string_view run) { return run == "a" || run == "an" || run == "the"; }

}  // namespace

std::string answer_of(std::string_view generated) {
  const size_t first = generated.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  const std::string_view line = generated.substr(first, generated.find('\n', first) - first);
  return std::string(line.substr(0, line.find_last_not_of(kSpaces) + 1));
}

bool answer_is_complete(std::string_view generated) {
  const size_t first = generated.find_first_not_of(kSpaces);
  return first != std::string_view::npos && generated.find('\n', first) != std::string_view::npos;
}

std::vector<std::string> answer_words(std::string_view answer) {
  std::vector<std::string> words;
  std::string word;
  std::string run;  // of letters and numbers; an article is a whole one
  const auto end_run = [&] {
    if (!is_article(run)) {
      word += run;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
    run.clear();
  };
  const auto end_word = [&] {
    end_run();
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const utf8proc_int32_t code_point : plain_code_points(answer)) {
    utf8proc_uint8_t bytes[4];
    const auto size = utf8proc_encode_char(code_point, bytes);
    const std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    if (is_space(code_point)) {
      end_word();
    } else if (is_alphanumeric(code_point)) {
      run += text;
    } else {
      end_run();
      word += text;
    }
  }
  end_word();
  return words;
}

double exact_match(std::string_view answer, const std::vector<std::string>& gold) {
  const auto words = answer_words(answer);
  return std::any_of(gold.begin(), gold.end(),
                     [&](const std::string& g) { return answer_words(g) == words; })
             ? 1
             : 0;
}

double token_f1(std::string_view answer, const std::vector<std::string>& gold) {
  const auto have = answer_words(answer);
  double best = 0;
  for (const auto& text : gold) {
    const auto want = answer_words(text);
    if (have.empty() || want.empty()) {
      best = std::max(best, have.empty() && want.empty() ? 1.0 : 0.0);
      continue;
    }
    std::map<std::string, int64_t> left;
    for (const auto& word : want) ++left[word];
    int64_t common = 0;
    for (const auto& word : have) common += left[word]-- > 0 ? 1 : 0;
    best = std::max(
        best, 2.0 * static_cast<double>(common) / static_cast<double>(have.size() + want.size()));
  }
  return best;
}

}  // namespace mpq
