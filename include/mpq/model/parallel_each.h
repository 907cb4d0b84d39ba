#pragma once
// Tasks that are too small for all threads together.
#include <cstdint>
#include <functional>

namespace mpq {

/// visit(i) for each i below `count`: each on one thread, as many at once as there are threads; in
/// order, with all threads for each, where gradients are enabled, there are fewer tasks than
/// threads or `apart` is false.
void parallel_each(int64_t count, bool apart, const std::function<void(int64_t)>& visit);

}  // namespace mpq
