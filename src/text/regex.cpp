// PCRE2 with its just-in-time compiler; the state of a match belongs to the thread.
#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "mpq/core/error.h"

namespace mpq::text {
namespace {

constexpr size_t kStackBytes = size_t{32} << 10, kMaxStackBytes = size_t{64} << 20;

struct MatchState {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(kStackBytes, kMaxStackBytes, nullptr);

  MatchState() {
    pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_match_limit(context, UINT32_MAX);
  }
  ~MatchState() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  MatchState(const MatchState&) = delete;
  MatchState& operator=(const MatchState&) = delete;
};

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(error, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

struct Regex::Code {
  pcre2_code* compiled = nullptr;
  ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(const std::string& pattern, const std::string& where)
    : code_(std::make_unique<Code>()), where_(where) {
  const std::string translated = pcre2_pattern(pattern, where);
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Oniguruma's ^ and $ are those of lines.
  code_->compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                    &offset, context.get());
  require(code_->compiled != nullptr, ErrorCode::Unsupported,
          "{}: the regular expression {} does not compile: {} at byte {}", where, pattern,
          code_->compiled ? std::string() : message_of(error), offset);
  pcre2_jit_compile(code_->compiled, PCRE2_JIT_COMPLETE);  // without it PCRE2 interprets
}

Regex::~Regex() = default;

bool Regex::find(std::string_view text, size_t from, Span& match) const {
  thread_local MatchState state;
  const int result = pcre2_match(code_->compiled, reinterpret_cast<PCRE2_SPTR>(text.data()),
                                 text.size(), from, PCRE2_NO_UTF_CHECK, state.data, state.context);
  if (result == PCRE2_ERROR_NOMATCH) return false;
  require(result >= 0, ErrorCode::Unsupported,
          "{}: the regular expression failed on a text of {} bytes: {}", where_, text.size(),
          result < 0 ? message_of(result) : std::string());
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(state.data);
  match = {bounds[0], bounds[1]};
  return true;
}

}  // namespace mpq::text
