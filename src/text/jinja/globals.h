#pragma once
// The functions that every template sees.
#include <ctime>
#include <functional>
#include <memory>

#include "run.h"

namespace mpq::text::jinja {

using Clock = std::function<std::tm()>;

/// Those that the template's names mention, in a scope of their own.
std::shared_ptr<Scope> global_scope(Run& run, const Clock& clock);

}  // namespace mpq::text::jinja
