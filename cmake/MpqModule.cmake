# mpq_module(name [TORCH] [DEPENDS modules...] [LIBRARIES targets...]): src/<name>/**.cpp as an OBJECT library, so that
# plug-ins that register themselves are never dropped by the linker. Without TORCH a module cannot include libtorch.
set(MPQ_MODULES "")

function(mpq_module name)
  cmake_parse_arguments(ARG "TORCH" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  if(NOT sources)
    return()
  endif()
  set(target mpq_${name})
  add_library(${target} OBJECT ${sources})
  target_link_libraries(${target} PRIVATE mpq_flags)
  target_link_libraries(${target} PUBLIC fmt::fmt-header-only nlohmann_json::nlohmann_json OpenSSL::Crypto ${ARG_LIBRARIES})
  if(ARG_TORCH)
    target_link_libraries(${target} PUBLIC mpq::torch)
    mpq_precompile_torch(${target})
  endif()
  set(MPQ_MODULES ${MPQ_MODULES} ${target} PARENT_SCOPE)
endfunction()

# ATen/ATen.h costs seconds a file: compiled once, for all modules that use it.
function(mpq_precompile_torch target)
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  if(TARGET mpq_io AND NOT target STREQUAL mpq_io)
    target_precompile_headers(${target} REUSE_FROM mpq_io)
  else()
    target_precompile_headers(${target} PRIVATE <ATen/ATen.h> <nlohmann/json.hpp> <fmt/format.h> <map> <string> <vector>)
  endif()
endfunction()

# An installed binary finds libtorch where it was linked from.
function(mpq_install target)
  include(GNUInstallDirs)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "${LIBTORCH_LIB_DIR}")
  install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/mpq/configs)
endfunction()
