#pragma once
// Normalizers: what happens to a text before it is split.
#include <memory>
#include <string>

#include "mpq/core/json_file.h"

namespace mpq::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// The text must be UTF-8 and stays so. Thread-safe.
  virtual void apply(std::string& text) const = 0;
};

/// Null for a null component. To add one: a class and a line of make_normalizer in normalizers.cpp.
std::unique_ptr<Normalizer> make_normalizer(const Json& component, const std::string& where);

}  // namespace mpq::text
