// range, dict, namespace, cycler, joiner, raise_exception and strftime_now.
#include "globals.h"

#include "bound_arguments.h"
#include "dict.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

Value make_range(const Arguments& arguments) {
  const BoundArguments bound(arguments, "range", {"", "", ""}, 1);
  const bool has_start = bound.has(1);
  const int64_t start = has_start ? bound.integer(0, 0) : 0;
  const int64_t stop = bound.integer(has_start ? 1 : 0, 0);
  return Value::object(std::make_shared<Range>(start, stop, bound.integer(2, 1)));
}

// dict(mapping or pairs, name=value, ...).
Dict make_dict(const Arguments& arguments) {
  if (arguments.positional.size() > 1) {
    raise("dict expected at most 1 argument, got {}", arguments.positional.size());
  }
  Dict dict;
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_undefined()) raise("{}", source.reason());
    if (source.is(Kind::Dict)) {
      dict = source.as_dict();
    } else {
      for (const Value& pair : items_of(source)) {
        const auto items = items_of(pair);
        if (items.size() != 2) {
          raise("dictionary update sequence element has length {}; 2 is required", items.size());
        }
        dict.set(items[0], items[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) dict.set(Value::text(name), value);
  return dict;
}

class DictType : public Object {
 public:
  DictType() : Object("TemplateDict", true, 0) {}
  Value call(const Arguments& arguments) override { return Value::dict(make_dict(arguments)); }
  std::optional<Value> attribute(const std::string& name) override {
    if (name != "fromkeys") return std::nullopt;
    return own_attribute(Value::dict(Dict()), name);
  }
};

Value make_namespace(Run& run, const Arguments& arguments) {
  auto space = std::make_shared<Namespace>();
  const Dict members = make_dict(arguments);
  for (const auto& [key, value] : members.entries()) {
    if (!key.is_text())
      fail(ErrorCode::Unsupported, "namespace members with names that are no str");
    space->set(key.as_text(), value);
  }
  run.namespaces.push_back(space);
  return Value::object(space);
}

class Cycler : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(std::vector<Value> items)
      : Object("Cycler", false, depth_around(items)), items_(std::move(items)) {}
  std::optional<Value> attribute(const std::string& name) override {
    if (name == "current") return items_[at_];
    if (name == "pos") return Value::integer(static_cast<int64_t>(at_));
    if (name == "items") return Value::tuple(items_);
    if (name != "next" && name != "reset") return std::nullopt;
    return function_value(
        name,
        [self = shared_from_this(), resets = name == "reset"](const Arguments& arguments) {
          const BoundArguments bound(arguments, "cycler", {});
          const Value item = resets ? Value::none() : self->items_[self->at_];
          self->at_ = resets ? 0 : (self->at_ + 1) % self->items_.size();
          return item;
        },
        depth() + 1);
  }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

Value make_cycler(const Arguments& arguments) {
  if (arguments.positional.empty()) raise("at least one item has to be provided");
  if (!arguments.named.empty()) raise("cycler() takes no keyword arguments");
  return Value::object(std::make_shared<Cycler>(arguments.positional));
}

class Joiner : public Object {
 public:
  explicit Joiner(Value separator)
      : Object("Joiner", true, separator.depth() + 1), separator_(std::move(separator)) {}
  Value call(const Arguments& arguments) override {
    const BoundArguments bound(arguments, "joiner", {});
    return std::exchange(used_, true) ? separator_ : Value::text("");
  }
  std::optional<Value> attribute(const std::string& name) override {
    if (name == "sep") return separator_;
    if (name == "used") return Value::boolean(used_);
    return std::nullopt;
  }

 private:
  Value separator_;
  bool used_ = false;
};

Value make_joiner(const Arguments& arguments) {
  const BoundArguments bound(arguments, "joiner", {"sep"});
  return Value::object(std::make_shared<Joiner>(bound.value_or(0, Value::text(", "))));
}

Value raise_exception(const Arguments& arguments) {
  const BoundArguments bound(arguments, "raise_exception", {"message"}, 1);
  raise("{}", to_text(bound[0]));
}

Value format_time(const Clock& clock, const Arguments& arguments) {
  const BoundArguments bound(arguments, "strftime_now", {"format"}, 1);
  // What Python's strftime fills in for a time without zone and fraction.
  std::string format;
  const std::string& given = require_text(bound[0]);
  for (size_t i = 0; i < given.size(); ++i) {
    const char letter = given[i] == '%' && i + 1 < given.size() ? given[i + 1] : '\0';
    if (letter == 'f') {
      format += "000000";
    } else if (letter != 'z' && letter != 'Z') {
      format += given[i];
      if (letter) format += letter;
    }
    if (letter) ++i;
  }
  const std::tm time = clock();
  std::string out(format.size() * 64 + 64, '\0');
  require_text_size(out.size());
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &time));
  return Value::text(std::move(out));
}

Value refused(const Arguments& arguments) {
  fail(ErrorCode::Unsupported, "lipsum() is not supported");
}

}  // namespace

std::shared_ptr<Scope> global_scope(Run& run, const Clock& clock) {
  auto scope = std::make_shared<Scope>(nullptr);
  const auto define = [&](const char* name, const std::function<Value()>& make) {
    const Symbol symbol = run.names.find(name);
    if (symbol >= 0) scope->set(symbol, make());
  };
  const auto function = [&](const char* name, std::function<Value(const Arguments&)> body) {
    define(name, [&] { return function_value(name, std::move(body)); });
  };
  define("dict", [] { return Value::object(std::make_shared<DictType>()); });
  function("range", make_range);
  function("namespace",
           [&run](const Arguments& arguments) { return make_namespace(run, arguments); });
  function("cycler", make_cycler);
  function("joiner", make_joiner);
  function("lipsum", refused);
  function("raise_exception", raise_exception);
  function("strftime_now",
           [clock](const Arguments& arguments) { return format_time(clock, arguments); });
  return scope;
}

}  // namespace mpq::text::jinja
