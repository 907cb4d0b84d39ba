// Names and scopes.
#include "run.h"

#include <algorithm>

namespace mpq::text::jinja {

Symbol Names::intern(const std::string& name) {
  const auto [at, is_new] = numbers_.emplace(name, static_cast<Symbol>(names_.size()));
  if (is_new) names_.push_back(name);
  return at->second;
}

Symbol Names::find(const std::string& name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? -1 : found->second;
}

const Value* Scope::find(Symbol symbol) const {
  for (const Scope* scope = this; scope; scope = scope->parent_.get()) {
    for (const auto& [name, value] : scope->values_) {
      if (name == symbol) return &value;
    }
  }
  return nullptr;
}

void Scope::set(Symbol symbol, Value value) {
  const auto found = std::find_if(values_.begin(), values_.end(),
                                  [symbol](const auto& entry) { return entry.first == symbol; });
  if (found == values_.end()) {
    values_.emplace_back(symbol, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

}  // namespace mpq::text::jinja
