#pragma once
// Sizes as people write them: "3.6GiB", "300 MB".
#include <cstdint>
#include <string>
#include <string_view>

namespace mpq {

/// KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB of 1000; a bare number is bytes. Throws
/// Error(Usage).
int64_t parse_bytes(std::string_view text, const std::string& where);
/// "3.60 GiB", for people.
std::string format_bytes(int64_t bytes);
/// "1 h 02 min", "3 min 05 s", "4.2 s", for people.
std::string format_seconds(double seconds);

}  // namespace mpq
