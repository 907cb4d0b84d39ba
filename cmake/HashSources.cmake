# Writes OUTPUT, a header with the hash of all SOURCES: results made by other code are made again.
set(_all "")
file(STRINGS "${LIST}" _sources)
foreach(_source IN LISTS _sources)
  file(SHA256 "${_source}" _hash)
  string(APPEND _all "${_hash}\n")
endforeach()
string(SHA256 _hash "${_all}")
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT
"#pragma once
// Made by cmake/HashSources.cmake.
namespace mpq {

/// Hash of the sources that results depend on.
constexpr const char* kAlgorithms = \"@_hash@\";

}  // namespace mpq
" @ONLY)
