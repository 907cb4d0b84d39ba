# Finds libtorch's c10 and torch_cpu (and the CUDA parts when present) without TorchConfig, which wants nvcc for a CUDA build.
# Looks in LIBTORCH (variable or environment), CMAKE_PREFIX_PATH, the project's .venv, then a Python that has torch.
set(_hints ${LIBTORCH} $ENV{LIBTORCH})
foreach(_prefix IN LISTS CMAKE_PREFIX_PATH)
  list(APPEND _hints ${_prefix} ${_prefix}/../..)
endforeach()
file(GLOB _venv "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
list(APPEND _hints ${_venv})
foreach(_python IN ITEMS python3 python)
  execute_process(COMMAND ${_python} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
                  OUTPUT_VARIABLE _found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  list(APPEND _hints ${_found})
endforeach()

find_path(LIBTORCH_INCLUDE_DIR ATen/core/Tensor.h HINTS ${_hints} PATH_SUFFIXES include NO_CMAKE_SYSTEM_PATH)
get_filename_component(_root "${LIBTORCH_INCLUDE_DIR}" DIRECTORY)
find_library(LIBTORCH_C10 c10 HINTS ${_root}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_CPU torch_cpu HINTS ${_root}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_CUDA torch_cuda HINTS ${_root}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_CUDA c10_cuda HINTS ${_root}/lib NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libtorch REQUIRED_VARS LIBTORCH_CPU LIBTORCH_C10 LIBTORCH_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/setup.sh, or point LIBTORCH at a libtorch folder or a Python's site-packages/torch")

if(Libtorch_FOUND AND NOT TARGET mpq::torch)
  add_library(mpq_torch INTERFACE)
  add_library(mpq::torch ALIAS mpq_torch)
  target_include_directories(mpq_torch SYSTEM INTERFACE ${LIBTORCH_INCLUDE_DIR} ${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(mpq_torch INTERFACE ${LIBTORCH_CPU} ${LIBTORCH_C10} Threads::Threads)
  if(LIBTORCH_CUDA AND LIBTORCH_C10_CUDA)
    # Nothing of ours names a CUDA symbol; the libraries register their kernels when loaded.
    target_link_libraries(mpq_torch INTERFACE -Wl,--no-as-needed ${LIBTORCH_CUDA} ${LIBTORCH_C10_CUDA} -Wl,--as-needed)
  endif()
  # What a binary needs of the folder when it runs.
  file(GLOB LIBTORCH_RUNTIME "${_root}/lib/libc10*.so*" "${_root}/lib/libtorch_cpu.so*" "${_root}/lib/libtorch_cuda*.so*"
       "${_root}/lib/libgomp*.so*")
  # at::parallel_for is a template over OpenMP. libtorch's wheels carry their own libgomp: one process must not load two.
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  file(GLOB _gomp "${_root}/lib/libgomp*.so*")
  if(_gomp)
    target_compile_options(mpq_torch INTERFACE ${OpenMP_CXX_FLAGS})
    target_link_libraries(mpq_torch INTERFACE ${_gomp})
  else()
    target_link_libraries(mpq_torch INTERFACE OpenMP::OpenMP_CXX)
  endif()
endif()
