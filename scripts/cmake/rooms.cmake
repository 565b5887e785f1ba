# The few shapes that targets of this project take.
include(GoogleTest)

# bafa_room(NAME [TORCH] [SOURCES file…] [DEPENDS target…])
# A room of the house as the static library bafa_NAME. An empty room only passes its needs on.
function(bafa_room NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "TORCH" "" "SOURCES;DEPENDS")
  set(target bafa_${NAME})
  if(ROOM_TORCH)
    list(APPEND ROOM_DEPENDS bafa::torch)
  endif()
  if(NOT ROOM_SOURCES)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE bafa_options ${ROOM_DEPENDS})
    return()
  endif()
  list(TRANSFORM ROOM_SOURCES PREPEND "src/${NAME}/")
  add_library(${target} STATIC ${ROOM_SOURCES})
  target_link_libraries(${target} PUBLIC bafa_options ${ROOM_DEPENDS})
  if(ROOM_TORCH)
    bafa_use_torch_pch(${target})
  endif()
endfunction()

# bafa_kernel_files(file… LEVEL x86-64-v4)
# Loops for one level of instruction set, which are chosen at run time; the compiler vectorises them
# as far as it may assume finite numbers. They include no library's headers, the precompiled one least.
function(bafa_kernel_files)
  cmake_parse_arguments(PARSE_ARGV 0 KERNELS "" "LEVEL" "")
  set(flags -fopenmp-simd -fno-math-errno -fno-trapping-math -ffinite-math-only -fno-signed-zeros)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND flags -march=${KERNELS_LEVEL} -mprefer-vector-width=512)
  endif()
  set_source_files_properties(${KERNELS_UNPARSED_ARGUMENTS} PROPERTIES
    COMPILE_OPTIONS "${flags}" SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# One precompiled header for all targets with libtorch: the first that asks builds it.
function(bafa_use_torch_pch TARGET)
  if(NOT BAFA_PCH)
    return()
  endif()
  if(NOT TARGET bafa_torch_pch)
    file(WRITE "${PROJECT_BINARY_DIR}/torch_pch.cpp" "")
    add_library(bafa_torch_pch OBJECT "${PROJECT_BINARY_DIR}/torch_pch.cpp")
    target_link_libraries(bafa_torch_pch PRIVATE bafa_options bafa::torch)
    target_precompile_headers(bafa_torch_pch PRIVATE "${PROJECT_SOURCE_DIR}/scripts/cmake/torch_pch.h")
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM bafa_torch_pch)
endfunction()

# tests/support: fakes and helpers that every test program may use, as bafa_test_support.
function(bafa_test_support)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.cpp")
  add_library(bafa_test_support STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(bafa_test_support PUBLIC "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(bafa_test_support PUBLIC ${ARGV})
endfunction()

# bafa_unit_tests(NAME LABEL label ROOMS room…)
# A GoogleTest program of all tests/unit/<room>/*_test.cpp and tests/support; the one with libtorch
# has tests/golden/*_test.cpp too. Tests run from the top of the checkout, so that data is named as it
# is seen there (tests/golden/…).
function(bafa_unit_tests NAME)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "" "LABEL" "ROOMS")
  set(patterns ${TEST_ROOMS})
  list(TRANSFORM patterns REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/tests/unit/\\1/*_test.cpp")
  if(TEST_LABEL STREQUAL torch)
    list(APPEND patterns "${PROJECT_SOURCE_DIR}/tests/golden/*_test.cpp")
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${patterns})
  if(NOT sources)
    return()
  endif()
  add_executable(${NAME} tests/unit/main.cpp ${sources})
  list(TRANSFORM TEST_ROOMS PREPEND bafa_)
  if(TEST_LABEL STREQUAL torch)
    list(APPEND TEST_ROOMS bafa_serve)  # real models behind the real scheduler
  endif()
  target_link_libraries(${NAME} PRIVATE bafa_test_support ${TEST_ROOMS} GTest::gmock)
  # Tests are compiled often and run once: what matters is how soon they are built.
  target_compile_options(${NAME} PRIVATE $<$<CONFIG:Release>:-O1>)
  if(BAFA_PCH)
    target_precompile_headers(${NAME} PRIVATE <gtest/gtest.h>
      $<$<STREQUAL:${TEST_LABEL},torch>:<ATen/ATen.h$<ANGLE-R>>)
  endif()
  if(TEST_LABEL STREQUAL torch)
    # A library that the tests open, as the program opens the driver's.
    add_library(bafa_fake_nvml MODULE EXCLUDE_FROM_ALL
      "${PROJECT_SOURCE_DIR}/tests/support/nvml/fake_nvml.cpp")
    add_dependencies(${NAME} bafa_fake_nvml)
    set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/unit/device/gpu_monitor_test.cpp"
      PROPERTIES COMPILE_DEFINITIONS "BAFA_FAKE_NVML=\"$<TARGET_FILE:bafa_fake_nvml>\"")
    # One process for all: loading libtorch once per test would cost more than the tests.
    add_test(NAME ${NAME} COMMAND ${NAME} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(${NAME} PROPERTIES LABELS torch TIMEOUT 600)
    return()
  endif()
  gtest_discover_tests(${NAME} DISCOVERY_MODE PRE_TEST WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    PROPERTIES LABELS ${TEST_LABEL} TIMEOUT 120)
endfunction()

# tests/e2e/*_test.cpp start the real program, whose path they get as BAFA_PROGRAM.
function(bafa_e2e_tests)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/e2e/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(e2e_tests ${sources})
  target_link_libraries(e2e_tests PRIVATE bafa_test_support bafa::httplib GTest::gmock
    GTest::gtest_main)
  target_compile_definitions(e2e_tests PRIVATE "BAFA_PROGRAM=\"$<TARGET_FILE:bafa>\"")
  add_dependencies(e2e_tests bafa)
  gtest_discover_tests(e2e_tests DISCOVERY_MODE PRE_TEST WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    PROPERTIES LABELS e2e TIMEOUT 300 RUN_SERIAL ON)
endfunction()

# bafa_service_tests(TEST:tool…): tests/service/TEST_test.py tries a shipped file of config/ under the
# tool it is for, which scripts/setup --dev installs; without a tool there is nothing to try it with.
function(bafa_service_tests)
  find_package(Python3 3.9 COMPONENTS Interpreter QUIET)
  foreach(pair IN LISTS ARGN)
    string(REGEX MATCH "^([a-z]+):([a-z0-9-]+)$" matched "${pair}")
    set(test ${CMAKE_MATCH_1})
    set(tool ${CMAKE_MATCH_2})
    find_program(BAFA_TOOL_${tool} ${tool} PATHS /usr/sbin /sbin)
    if(NOT Python3_FOUND OR NOT BAFA_TOOL_${tool})
      message(WARNING "config/ is not tried under ${test}: there is no ${tool}. Run scripts/setup --dev.")
      continue()
    endif()
    add_test(NAME service.${test}
      COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tests/service/${test}_test.py" $<TARGET_FILE:bafa>)
    set_tests_properties(service.${test} PROPERTIES LABELS e2e TIMEOUT 600 RUN_SERIAL ON)
  endforeach()
endfunction()

# bafa_fuzzers(LINK target…)
# Each tests/fuzz/NAME_fuzz.cpp (LLVMFuzzerTestOneInput) as the program NAME_fuzz: a real fuzzer with
# BAFA_FUZZ and clang, otherwise one that replays the corpus tests/fuzz/corpus/NAME.
option(BAFA_FUZZ "Build tests/fuzz with libFuzzer (clang)" OFF)
function(bafa_fuzzers)
  add_custom_target(fuzzers)
  cmake_parse_arguments(PARSE_ARGV 0 FUZZ "" "" "LINK")
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*_fuzz.cpp")
  foreach(source IN LISTS sources)
    get_filename_component(program "${source}" NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name "${program}")
    set(corpus "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    add_executable(${program} "${source}")
    target_link_libraries(${program} PRIVATE ${FUZZ_LINK})
    if(BAFA_FUZZ)
      target_compile_options(${program} PRIVATE -fsanitize=fuzzer)
      target_link_options(${program} PRIVATE -fsanitize=fuzzer)
      add_test(NAME fuzz.${name} COMMAND ${program} -max_total_time=20 -timeout=5
        -artifact_prefix=${PROJECT_BINARY_DIR}/${name}- ${PROJECT_BINARY_DIR}/corpus-${name} ${corpus})
      file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/corpus-${name}")
    else()
      target_sources(${program} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp")
      add_test(NAME fuzz.${name} COMMAND ${program} ${corpus})
    endif()
    add_dependencies(fuzzers ${program})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  endforeach()
endfunction()

# bafa_benchmarks(LINK target…): tests/bench/*_bench.cpp as one Google Benchmark program, not a test.
function(bafa_benchmarks)
  cmake_parse_arguments(PARSE_ARGV 0 BENCH "" "" "LINK")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/bench/*_bench.cpp")
  if(sources AND TARGET benchmark::benchmark_main)
    add_executable(bafa_bench ${sources})
    target_link_libraries(bafa_bench PRIVATE bafa_test_support ${BENCH_LINK} benchmark::benchmark_main)
    bafa_use_torch_pch(bafa_bench)
  endif()
endfunction()
