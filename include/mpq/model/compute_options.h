#pragma once
// Where and in which numbers a model is computed.
#include <string>

namespace mpq {

struct ComputeOptions {
  std::string device = "cpu";  // the only one
  std::string dtype = "auto";  // auto, float32, bfloat16, float16
  bool outline = false;        // of a dry run: names and shapes, no weight is read
};

}  // namespace mpq
