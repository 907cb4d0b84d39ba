#pragma once
// Gzip files in memory.
#include <cstdint>
#include <string>
#include <string_view>

namespace mpq::text {

/// Whether the bytes begin as a gzip file does: what a file holds counts, not its name.
bool is_gzip(std::string_view bytes);
/// The content of all members, one after another. Throws Error(Format) naming `path` when the file
/// is cut off, damaged, followed by other bytes, or holds more than `most_bytes`.
std::string gunzip(std::string_view bytes, const std::string& path, uint64_t most_bytes);

}  // namespace mpq::text
