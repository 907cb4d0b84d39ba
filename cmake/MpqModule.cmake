# mpq_module(name [TORCH] [DEPENDS modules...] [LIBRARIES targets...]): src/<name>/**.cpp as an OBJECT library, so that
# plug-ins that register themselves are never dropped by the linker. Without TORCH a module cannot include libtorch: what a
# module may use is what its DEPENDS bring, and they bring it only from their public headers.
set(MPQ_MODULES "")

function(mpq_module name)
  cmake_parse_arguments(ARG "TORCH" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  set(target mpq_${name})
  add_library(${target} OBJECT ${sources})
  # Files of one form, whose functions have the same names.
  list(FILTER sources INCLUDE REGEX "/src/(format/formats/|text/jinja/.*_(filters|methods)[.])")
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(TRANSFORM ARG_DEPENDS PREPEND mpq_ OUTPUT_VARIABLE depends)
  target_link_libraries(${target} PUBLIC mpq_flags fmt::fmt nlohmann_json::nlohmann_json OpenSSL::Crypto ${depends} ${ARG_LIBRARIES})
  if(ARG_TORCH)
    target_link_libraries(${target} PUBLIC mpq::torch)
    mpq_precompile(${target} mpq_io <ATen/ATen.h>)
  else()
    mpq_precompile(${target} mpq_core)
  endif()
  set(MPQ_MODULES ${MPQ_MODULES} ${target} PARENT_SCOPE)
endfunction()

# The heavy headers, compiled once by `owner` for all that shares its flags.
function(mpq_precompile target owner)
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN} <nlohmann/json.hpp> <fmt/core.h> <functional> <map> <memory> <string> <vector>)
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# An installed binary finds libtorch beside itself, wherever the folder is moved: the libraries it needs are installed with it.
function(mpq_install target)
  include(GNUInstallDirs)
  set(folder ${CMAKE_INSTALL_LIBDIR}/mpq)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../${folder}")
  install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${LIBTORCH_RUNTIME} DESTINATION ${folder})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/mpq/configs)
endfunction()
