#pragma once
// A GGUF file that is there alone, as the checkpoint folder that the rest of mpq reads.
#include <optional>
#include <string>

#include "mpq/core/json_file.h"

namespace mpq {

/// Makes a folder in `cache` with config.json, the tokenizer's files, generation_config.json and a
/// link "model.gguf" to the file, from the file's metadata alone; its path. One that was made of
/// the same file (path, size and time of change) is taken as it is. What the metadata does not say
/// is what llama.cpp takes then; what mpq would compute otherwise than the file asks for is
/// Error(Unsupported) naming the key, a damaged file is Error(Format).
std::string gguf_folder(const std::string& file, const std::string& cache);

/// The file's name in its folder, from "quantization_config" of a config.json named by `where`;
/// nullopt where there is no such method. Throws Error(Format) on a name that leaves the folder.
std::optional<std::string> gguf_file_name(const Json& config, const std::string& where);

}  // namespace mpq
