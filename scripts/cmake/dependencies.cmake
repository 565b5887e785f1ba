# Everything that bafa links, as imported targets. Debian's packages are found where Debian puts
# them; the rest lies in a cache outside the checkout, one folder per version. scripts/setup fills
# both and is the only thing to run when something is missing.
if(DEFINED ENV{XDG_CACHE_HOME})
  set(BAFA_CACHE_DEFAULT "$ENV{XDG_CACHE_HOME}/bafa")
else()
  set(BAFA_CACHE_DEFAULT "$ENV{HOME}/.cache/bafa")
endif()
set(BAFA_CACHE "${BAFA_CACHE_DEFAULT}" CACHE PATH "Where scripts/setup keeps what it fetched or built")

file(STRINGS "${PROJECT_SOURCE_DIR}/scripts/versions" bafa_versions REGEX "^[a-z_]+=")
foreach(line IN LISTS bafa_versions)
  string(REGEX MATCH "^([a-z_]+)=(.*)$" _ "${line}")
  set(BAFA_VERSION_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()

# Sets OUT to FOLDER's path in the cache, or stops with what to do.
function(bafa_cached OUT NAME FILE)
  set(folder "${BAFA_CACHE}/${NAME}")
  if(NOT EXISTS "${folder}/${FILE}")
    message(FATAL_ERROR "${NAME} is not in ${BAFA_CACHE} (looked for ${FILE}).\nRun scripts/setup, "
      "or pass -DBAFA_CACHE=<folder> if it was set up elsewhere.")
  endif()
  set(${OUT} "${folder}" PARENT_SCOPE)
endfunction()

find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(GTest 1.12 REQUIRED)
find_package(benchmark 1.7 QUIET)

function(bafa_debian_library NAME HEADER LIBRARY PACKAGE)
  find_path(BAFA_${NAME}_INCLUDE "${HEADER}")
  find_library(BAFA_${NAME}_LIBRARY "${LIBRARY}")
  if(NOT BAFA_${NAME}_INCLUDE OR NOT BAFA_${NAME}_LIBRARY)
    message(FATAL_ERROR "${HEADER} or lib${LIBRARY} is missing (Debian: ${PACKAGE}). Run scripts/setup.")
  endif()
  add_library(bafa::${NAME} UNKNOWN IMPORTED)
  set_target_properties(bafa::${NAME} PROPERTIES IMPORTED_LOCATION "${BAFA_${NAME}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${BAFA_${NAME}_INCLUDE}")
endfunction()
bafa_debian_library(libdeflate libdeflate.h deflate libdeflate-dev)
bafa_debian_library(libwebp webp/encode.h webp libwebp-dev)
bafa_debian_library(libpng png.h png libpng-dev)               # tests read pictures with these
bafa_debian_library(libjpeg jpeglib.h jpeg libjpeg62-turbo-dev)
bafa_debian_library(stb stb/stb_image_write.h stb libstb-dev)

# cpp-httplib: a header, included by one file of bafa.
bafa_cached(httplib_folder "cpp-httplib-${BAFA_VERSION_cpp_httplib}" httplib.h)
add_library(bafa_httplib INTERFACE)
add_library(bafa::httplib ALIAS bafa_httplib)
target_include_directories(bafa_httplib SYSTEM INTERFACE "${httplib_folder}")
target_link_libraries(bafa_httplib INTERFACE Threads::Threads)

# sentencepiece: static, over the abseil it was built with.
bafa_cached(sentencepiece_folder "sentencepiece-${BAFA_VERSION_sentencepiece}" lib/libsentencepiece.a)
find_package(absl REQUIRED CONFIG PATHS "${sentencepiece_folder}" NO_DEFAULT_PATH)
add_library(bafa::sentencepiece STATIC IMPORTED)
set_target_properties(bafa::sentencepiece PROPERTIES
  IMPORTED_LOCATION "${sentencepiece_folder}/lib/libsentencepiece.a"
  INTERFACE_INCLUDE_DIRECTORIES "${sentencepiece_folder}/include")
target_link_libraries(bafa::sentencepiece INTERFACE absl::check absl::flags absl::flags_parse absl::log
  absl::log_initialize absl::random_random absl::status absl::status_builder
  absl::strings absl::time)

# libtorch: two shared libraries of the wheel; their own run path finds the CUDA run-time library
# that libtorch_cpu asks for even on a machine without a GPU.
bafa_cached(libtorch_folder "libtorch-${BAFA_VERSION_torch}" torch/lib/libtorch_cpu.so)
foreach(name c10 torch_cpu)
  add_library(bafa::${name} SHARED IMPORTED)
  set_target_properties(bafa::${name} PROPERTIES
    IMPORTED_LOCATION "${libtorch_folder}/torch/lib/lib${name}.so"
    INTERFACE_INCLUDE_DIRECTORIES "${libtorch_folder}/torch/include")
endforeach()
add_library(bafa_torch INTERFACE)
add_library(bafa::torch ALIAS bafa_torch)
# ATen's parallel loops live in headers and stay serial unless the includer speaks OpenMP.
target_compile_options(bafa_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_libraries(bafa_torch INTERFACE bafa::torch_cpu bafa::c10
  "${libtorch_folder}/torch/lib/libgomp.so.1")
