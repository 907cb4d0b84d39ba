#pragma once
// Templates in the language of Jinja 2, as Hugging Face transformers sets it up for chats.
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "mpq/core/json_file.h"

namespace mpq {

/// A template that is read once and rendered any number of times.
///
/// It behaves as jinja2 3.1 in transformers' environment: an immutable sandbox with trim_blocks and
/// lstrip_blocks, loop controls, {% generation %}, raise_exception(), strftime_now() and a tojson
/// that escapes no HTML. Nothing of the machine is reachable, and length, steps and depth are
/// bounded. To add a filter, a test, a method or a function: src/text/jinja/{filters,methods,
/// globals}.h.
class JinjaTemplate {
 public:
  using Clock = std::function<std::tm()>;

  /// `name` stands in messages, "NAME: line 3: ...". Throws Error(Format) for what is not a
  /// template, Error(Unsupported) for include, import, extends and integers beyond 64 bits.
  explicit JinjaTemplate(std::string_view source, std::string name = "the template");
  ~JinjaTemplate();
  JinjaTemplate(JinjaTemplate&&) noexcept;
  JinjaTemplate& operator=(JinjaTemplate&&) noexcept;

  /// `variables`: an object; what a variable is null for is None, and what is absent is undefined.
  /// Throws Error(Format) for what jinja2 would raise, raise_exception() too, and
  /// Error(Unsupported) beyond the limits. `clock`: what strftime_now() reads; by default the local
  /// time.
  std::string render(const Json& variables, const Clock& clock = {}) const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace mpq
