# Python checks as tests: module order, names and sizes, format, flags, and the ecosystem's own readers on what mpq writes.
# A missing interpreter or library is a failure, never a skip; -DMPQ_INTEROP=OFF leaves out what needs Python packages.
option(MPQ_INTEROP "Run the tests that need transformers and other Python readers (tools/setup.sh --interop)" ON)

# $MPQ_PYTHON, else the project's .venv, else a shared one, else the system's. Not cached: .venv may come later.
set(_python python3)
foreach(_candidate IN ITEMS "$ENV{MPQ_PYTHON}" "${CMAKE_SOURCE_DIR}/.venv/bin/python" /opt/mpq-venv/bin/python)
  if(_candidate AND EXISTS "${_candidate}")
    set(_python "${_candidate}")
    break()
  endif()
endforeach()
message(STATUS "Python for the checks: ${_python}")

foreach(_check layers names format portable)
  foreach(_mode "" --self-test)
    string(REPLACE "--" "." _suffix "${_mode}")
    add_test(NAME check.${_check}${_suffix}
             COMMAND ${_python} -B "${CMAKE_SOURCE_DIR}/tools/check/${_check}.py" ${_mode})
    set_tests_properties(check.${_check}${_suffix} PROPERTIES LABELS check TIMEOUT 120)
  endforeach()
endforeach()

add_test(NAME check.portable.build COMMAND ${_python} -B "${CMAKE_SOURCE_DIR}/tools/check/portable.py" --build "${CMAKE_BINARY_DIR}")
set_tests_properties(check.portable.build PROPERTIES LABELS check TIMEOUT 120)

add_test(NAME check.tables.self-test COMMAND ${_python} -B "${CMAKE_SOURCE_DIR}/tools/bench/tables.py" --self-test)
set_tests_properties(check.tables.self-test PROPERTIES LABELS check TIMEOUT 120)

# Every tests/<folder>/<name>_test.py takes --mpq BINARY --source DIR --work DIR and exits with 0 when all holds. It becomes
# <label>.<name>_test; `tests` names the list of them. More arguments: a filter of their paths, as of list(FILTER).
function(mpq_script_tests label folder timeout tests)
  file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${folder}/*_test.py")
  if(ARGN)
    list(FILTER scripts ${ARGN})
  endif()
  foreach(script IN LISTS scripts)
    get_filename_component(name "${script}" NAME_WE)
    add_test(NAME ${label}.${name} COMMAND ${_python} -B "${script}" --mpq $<TARGET_FILE:mpq> --source "${CMAKE_SOURCE_DIR}"
                                           --work "${CMAKE_BINARY_DIR}/${label}/${name}")
    list(APPEND names ${label}.${name})
  endforeach()
  set_tests_properties(${names} PROPERTIES LABELS ${label} TIMEOUT ${timeout})
  set(${tests} ${names} PARENT_SCOPE)
endfunction()

set(_readers "/(llamacpp|mlx|autoround|gptq|vllm|recipe)_test")
set(_environment "HF_HUB_OFFLINE=1;TOKENIZERS_PARALLELISM=false;OMP_NUM_THREADS=1")
if(MPQ_INTEROP)
  mpq_script_tests(interop interop 1200 _interop EXCLUDE REGEX "${_readers}")
  # One at a time: each holds a Python with torch in memory.
  set_tests_properties(${_interop} PROPERTIES RESOURCE_LOCK python_torch
    ENVIRONMENT "${_environment};MPQ_RENDER_TEMPLATE=$<TARGET_FILE:mpq_render_template>")
endif()

# Runtimes of their own, on request; one that tools/readers.sh has not installed is shown as skipped.
option(MPQ_READERS_TESTS "Add the tests of label readers (what tools/readers.sh installs)" OFF)
if(MPQ_READERS_TESTS)
  mpq_script_tests(readers interop 1200 _tests INCLUDE REGEX "${_readers}")
  set_tests_properties(${_tests} PROPERTIES RESOURCE_LOCK python_torch SKIP_RETURN_CODE 77 ENVIRONMENT "${_environment}")
else()
  message(STATUS "The tests of label readers are left out; -DMPQ_READERS_TESTS=ON adds them")
endif()

# Minutes and gigabytes: on request.
option(MPQ_LARGE "Add the tests of label large (minutes, gigabytes)" OFF)
if(MPQ_LARGE)
  mpq_script_tests(large large 3600 _large)
  set_tests_properties(${_large} PROPERTIES RUN_SERIAL TRUE)
else()
  message(STATUS "The tests of label large are left out; -DMPQ_LARGE=ON adds them")
endif()
