#pragma once
// What a command was given as a checkpoint: a folder, or a GGUF file.
#include <string>

namespace mpq {

/// Whether a path is a regular file that is named so.
bool is_gguf_file(const std::string& path);
/// The folder of a checkpoint's path. Of a GGUF file that mpq wrote it is the one it lies in; of
/// one that others made, a folder in the user's cache (gguf_folder()); any other path is itself.
std::string checkpoint_folder(const std::string& path);

}  // namespace mpq
