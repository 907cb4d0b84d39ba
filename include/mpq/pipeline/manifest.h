#pragma once
// mpq.json of a checkpoint: its files' sizes and hashes.
#include <string>

namespace mpq {

constexpr const char* kManifestName = "mpq.json";

/// Hashes every file in the folder and writes the manifest there.
void write_manifest(const std::string& folder);

}  // namespace mpq
