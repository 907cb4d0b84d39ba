#pragma once
// Decoders: the tokens of a text back to the text.
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq::text {

class Decoder {
 public:
  virtual ~Decoder() = default;
  /// What is left is joined without anything between. Thread-safe.
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

/// Null for a null component (tokens are then joined by spaces). To add one: a class and a line of
/// make_decoder.
std::unique_ptr<Decoder> make_decoder(const Json& component, const std::string& where);

}  // namespace mpq::text
