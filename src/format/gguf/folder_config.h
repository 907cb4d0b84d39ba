#pragma once
// config.json of a model that is there as a GGUF file alone.
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// All that read_model_config() needs, as the inverse of gguf_hyperparameters(): values that a file
/// leaves out are those that llama.cpp takes then. Throws Error(Unsupported) naming the family, the
/// key or the tensor that asks for what mpq does not compute, Error(Format) on a damaged value.
///
/// To add a family: its row in kFamilies, its keys in kKeys, and a case in
/// tests/format/gguf_folder_test.cpp.
Json folder_config(const GgufFile& file);

}  // namespace mpq
