// Parsing a template and rendering it, with the template's name and line in every error.
#include "globals.h"
#include "json_value.h"
#include "mpq/text/jinja.h"
#include "parser.h"

namespace mpq {
namespace {

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  ::localtime_r(&now, &time);
  return time;
}

// Scopes and namespaces may hold one another: emptied, they let go.
class Emptied {
 public:
  explicit Emptied(text::jinja::Run& run) : run_(run) {}
  ~Emptied() {
    for (const auto& space : run_.namespaces) space->clear();
    for (const auto& scope : run_.scopes) scope->clear();
  }
  Emptied(const Emptied&) = delete;
  Emptied& operator=(const Emptied&) = delete;

 private:
  text::jinja::Run& run_;
};

}  // namespace

struct JinjaTemplate::Parsed {
  std::string name;
  text::jinja::Names names;
  text::jinja::Body body;
};

JinjaTemplate::JinjaTemplate(std::string_view source, std::string name)
    : parsed_(std::make_unique<Parsed>()) {
  parsed_->name = std::move(name);
  try {
    parsed_->body = text::jinja::Parser(source, parsed_->names).parse();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", parsed_->name, error.what()));
  }
}

JinjaTemplate::~JinjaTemplate() = default;
JinjaTemplate::JinjaTemplate(JinjaTemplate&&) noexcept = default;
JinjaTemplate& JinjaTemplate::operator=(JinjaTemplate&&) noexcept = default;

std::string JinjaTemplate::render(const Json& variables, const Clock& clock) const {
  using namespace text::jinja;
  require(variables.is_object(), ErrorCode::Format,
          "{}: expected the variables as an object, found {}", parsed_->name,
          variables.type_name());
  const Budget budget;
  Run run(parsed_->names);
  const Emptied emptied(run);
  try {
    run.root = std::make_shared<Scope>(global_scope(run, clock ? clock : local_time));
    for (const auto& [name, value] : variables.items()) {
      const Symbol symbol = parsed_->names.find(name);
      if (symbol >= 0) run.root->set(symbol, value_of(value));
    }
    std::string out;
    Frame frame{run, run.root, out};
    execute(parsed_->body, frame);
    return out;
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("{}: line {}: {}", parsed_->name, run.line, error.what()));
  }
}

}  // namespace mpq
