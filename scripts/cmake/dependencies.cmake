# Everything that bafa links, as imported targets. Debian's packages are found where Debian puts
# them; the rest lies in a cache outside the checkout, one folder per version. scripts/setup fills
# both and is the only thing to run when something is missing.
if(DEFINED ENV{XDG_CACHE_HOME})
  set(BAFA_CACHE_DEFAULT "$ENV{XDG_CACHE_HOME}/bafa")
else()
  set(BAFA_CACHE_DEFAULT "$ENV{HOME}/.cache/bafa")
endif()
set(BAFA_CACHE "${BAFA_CACHE_DEFAULT}" CACHE PATH "Where scripts/setup keeps what it fetched or built")

option(BAFA_FETCH "Fetch cpp-httplib and sentencepiece from their projects (not on Debian 12)" OFF)
if(BAFA_FETCH)
  include(fetch)
endif()

# Sets OUT to the cache's folder of NAME: the newest that is not older than scripts/versions says.
# Stops with what to do if there is none.
function(bafa_cached OUT NAME FILE)
  string(REPLACE "-" "_" key "${NAME}")
  file(STRINGS "${PROJECT_SOURCE_DIR}/scripts/versions" minimum REGEX "^${key}=")
  string(REGEX REPLACE "^.*=" "" minimum "${minimum}")
  file(GLOB folders "${BAFA_CACHE}/${NAME}-[0-9]*")
  list(SORT folders COMPARE NATURAL ORDER DESCENDING)
  foreach(folder IN LISTS folders)
    string(REGEX MATCH "[0-9.]+$" version "${folder}")
    if(version VERSION_GREATER_EQUAL minimum AND EXISTS "${folder}/${FILE}")
      set(${OUT} "${folder}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${NAME} ${minimum} is not in ${BAFA_CACHE}.\n"
    "Run scripts/setup, or pass -DBAFA_CACHE=<folder> if it was set up elsewhere.")
endfunction()

find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(GTest 1.12 REQUIRED)
find_package(benchmark 1.7 QUIET)

# bafa_debian_library(NAME HEADER [LIBRARY]): bafa::NAME, a library of Debian without a CMake package.
function(bafa_debian_library NAME HEADER)
  add_library(bafa::${NAME} INTERFACE IMPORTED)
  find_path(BAFA_${NAME}_INCLUDE "${HEADER}")
  if(NOT BAFA_${NAME}_INCLUDE)
    message(FATAL_ERROR "${HEADER} was not found. Run scripts/setup.")
  endif()
  target_include_directories(bafa::${NAME} SYSTEM INTERFACE "${BAFA_${NAME}_INCLUDE}")
  foreach(library IN LISTS ARGN)
    find_library(BAFA_${NAME}_LIBRARY "${library}" REQUIRED)
    target_link_libraries(bafa::${NAME} INTERFACE "${BAFA_${NAME}_LIBRARY}")
  endforeach()
endfunction()
bafa_debian_library(icu unicode/normalizer2.h icuuc)
bafa_debian_library(libdeflate libdeflate.h deflate)
bafa_debian_library(libwebp webp/encode.h webp)
bafa_debian_library(libpng png.h png)  # tests read pictures with this and the next
bafa_debian_library(libjpeg jpeglib.h jpeg)
bafa_debian_library(stb stb/stb_image_write.h)
bafa_debian_library(prometheus prometheus/registry.h prometheus-cpp-core)

# cpp-httplib: a header; one file of src/http and the tests include it.
bafa_cached(httplib_folder cpp-httplib httplib.h)
add_library(bafa::httplib INTERFACE IMPORTED)
target_include_directories(bafa::httplib SYSTEM INTERFACE "${httplib_folder}")
target_link_libraries(bafa::httplib INTERFACE Threads::Threads)

# sentencepiece: one static archive that holds its abseil too.
bafa_cached(sentencepiece_folder sentencepiece lib/libsentencepiece.a)
add_library(bafa::sentencepiece STATIC IMPORTED)
set_target_properties(bafa::sentencepiece PROPERTIES
  IMPORTED_LOCATION "${sentencepiece_folder}/lib/libsentencepiece.a"
  INTERFACE_INCLUDE_DIRECTORIES "${sentencepiece_folder}/include")
target_link_libraries(bafa::sentencepiece INTERFACE Threads::Threads)

# libtorch: two shared libraries of the wheel; their own run path finds the CUDA run-time library
# that libtorch_cpu asks for even on a machine without a GPU.
bafa_cached(libtorch_folder libtorch torch/lib/libtorch_cpu.so)
function(bafa_torch_library NAME)
  add_library(bafa::${NAME} SHARED IMPORTED)
  set_target_properties(bafa::${NAME} PROPERTIES
    IMPORTED_LOCATION "${libtorch_folder}/torch/lib/lib${NAME}.so"
    INTERFACE_INCLUDE_DIRECTORIES "${libtorch_folder}/torch/include")
endfunction()
bafa_torch_library(c10)
bafa_torch_library(torch_cpu)
add_library(bafa::torch INTERFACE IMPORTED)
# ATen's parallel loops live in headers and stay serial unless the includer speaks OpenMP.
target_compile_options(bafa::torch INTERFACE -fopenmp)
target_link_libraries(bafa::torch INTERFACE bafa::torch_cpu bafa::c10
  "${libtorch_folder}/torch/lib/libgomp.so.1")

# The GPU's half, for the module of cuda.cmake only.
if(BAFA_BUILD_CUDA)
  if(NOT EXISTS "${libtorch_folder}/torch/lib/libtorch_cuda.so")
    message(FATAL_ERROR "libtorch was set up before the CUDA toolkit was there. Run scripts/setup "
      "again, or configure with -DBAFA_CUDA=OFF.")
  endif()
  bafa_torch_library(c10_cuda)
  bafa_torch_library(torch_cuda)
  target_link_libraries(bafa::torch_cuda INTERFACE bafa::c10_cuda)
endif()
