#pragma once
// The quantization_config of compressed-tensors, written and read: pack-quantized integers and
// small floats.
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/format/format.h"
#include "mpq/io/weight_source.h"

namespace mpq {

inline constexpr const char* kPackQuantized = "pack-quantized";

/// One config group: modules that share an encoding.
struct PackedGroup {
  std::vector<std::string>
      targets;              // module names, "re:" regexes matched from the name's start, or classes
  Encoding encoding;        // group 0 for the strategies channel and tensor; scale_dtype open
  bool per_tensor = false;  // one scale for the whole weight
  bool activations = false;  // a runtime quantizes the inputs too
};

/// quantization_config for the job's linears: a group for each distinct encoding with module names
/// as targets, and what stays at full precision in "ignore". Null when all do.
Json packed_config(const std::vector<ExportLinear>& linears);

/// The groups of a quantization_config. Throws Error(Unsupported) naming what mpq does not read,
/// Error(Format) on a fault.
std::vector<PackedGroup> parse_packed_config(const Json& config, const std::string& where);
/// The group of a module: by name, then by regex, then by the class Linear; nullptr when none fits.
const PackedGroup* find_group(const std::vector<PackedGroup>& groups, const std::string& module,
                              const std::string& where);

/// Weights of a folder whose quantization_config is `config`, dequantized to float32 by load().
std::unique_ptr<WeightSource> open_compressed_tensors(const std::string& folder,
                                                      const Json& config);

}  // namespace mpq
