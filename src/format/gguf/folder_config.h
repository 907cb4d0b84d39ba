#pragma once
// config.json of a model that is there as a GGUF file alone.
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// All that read_model_config() needs, as the inverse of gguf_hyperparameters(): values that a file
/// leaves out are those that llama.cpp takes then. Throws Error(Unsupported) naming the family, the
/// key or the tensor that asks for what mpq does not compute, Error(Format) on a damaged value.
///
/// A family adds its own members (family.h).
Json folder_config(const GgufFile& file);

}  // namespace mpq
