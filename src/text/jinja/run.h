#pragma once
// The state of one rendering: variables by scope, where the output goes, and what must end with it.
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "budget.h"
#include "object.h"
#include "value.h"

namespace mpq::text::jinja {

/// A name of the template by number.
using Symbol = int;

/// The names that a template uses, each with its number.
class Names {
 public:
  Symbol intern(const std::string& name);
  /// -1 when the template does not use it.
  Symbol find(const std::string& name) const;
  const std::string& name(Symbol symbol) const { return names_[static_cast<size_t>(symbol)]; }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, Symbol> numbers_;
};

/// Variables; those of the parent are read through it, and assignments stay here.
class Scope {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}

  const Value* find(Symbol symbol) const;
  void set(Symbol symbol, Value value);
  void clear() { values_.clear(); }

 private:
  std::shared_ptr<Scope> parent_;
  std::vector<std::pair<Symbol, Value>> values_;
};

struct Run {
  explicit Run(const Names& names) : names(names) {}

  const Names& names;
  std::shared_ptr<Scope> root;
  int line = 1;
  int depth = 0;
  Value captured;  // what a filter block or a block assignment filters
  /// Scopes that a macro sees and namespaces: these may hold one another, and are emptied at the
  /// end.
  std::vector<std::shared_ptr<Scope>> scopes;
  std::vector<std::shared_ptr<Namespace>> namespaces;
};

struct Frame {
  Run& run;
  std::shared_ptr<Scope> scope;
  std::string& out;

  /// The same output, and a scope inside this one.
  Frame inner() const { return {run, std::make_shared<Scope>(scope), out}; }
  void write(const std::string& text) const {
    out += text;
    require_text_size(out.size());
  }
};

}  // namespace mpq::text::jinja
