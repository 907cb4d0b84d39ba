# Flags that every target of the project shares, and ccache when it is there. Nothing is compiled for this machine's processor
# alone: hot loops choose their instructions when they run (core/simd.h).
add_library(mpq_flags INTERFACE)
target_include_directories(mpq_flags INTERFACE "${CMAKE_SOURCE_DIR}/include")
target_compile_options(mpq_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-unused-parameter)
# Nobody reads errno or the processor's exception flags after arithmetic: comparisons and roots may become vectors.
target_compile_options(mpq_flags INTERFACE -fno-math-errno -fno-trapping-math)
# GCC 12 sees overlaps and overruns in std::string's operator+ that are not there (GCC bugs 105329 and 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(mpq_flags INTERFACE -Wno-restrict -Wno-array-bounds)
endif()
target_compile_definitions(mpq_flags INTERFACE MPQ_VERSION="${PROJECT_VERSION}")

if(MPQ_SANITIZE)
  target_compile_options(mpq_flags INTERFACE -fsanitize=${MPQ_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(mpq_flags INTERFACE -fsanitize=${MPQ_SANITIZE})
endif()

find_program(MPQ_CCACHE ccache)
if(MPQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MPQ_CCACHE})
endif()
