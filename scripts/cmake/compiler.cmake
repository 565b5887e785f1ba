# How every file is compiled: language, instruction set, warnings, sanitizers, ccache, linker.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")

set(BAFA_SANITIZE "" CACHE STRING "Sanitizers for everything that is built: address,undefined or thread")
option(BAFA_CCACHE "Compile through ccache where it is installed" ON)
option(BAFA_PCH "Use precompiled headers for the rooms with libtorch" ON)

# What all of bafa's own targets share.
add_library(bafa_options INTERFACE)
target_include_directories(bafa_options INTERFACE
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_compile_options(bafa_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wextra-semi
  -Wno-missing-field-initializers)  # designated initialisers leave the defaults to the struct

# GCC 12 warns of overlap inside std::string's own operator+ (GCC bug 105651).
target_compile_options(bafa_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

# One build for every machine of its kind: nothing is tuned to the machine that compiles. Kernels
# for newer instruction sets are chosen at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(bafa_options INTERFACE -march=x86-64-v3)
endif()

# Locks are checked by clang: a field read without the mutex that guards it does not compile.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(bafa_options INTERFACE -Wthread-safety -Werror=thread-safety)
endif()

if(BAFA_SANITIZE)
  target_compile_options(bafa_options INTERFACE
    "-fsanitize=${BAFA_SANITIZE}" -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(bafa_options INTERFACE "-fsanitize=${BAFA_SANITIZE}")
endif()

# lld links libtorch programs several times faster than the default linker.
find_program(BAFA_LLD NAMES ld.lld)
if(BAFA_LLD)
  target_link_options(bafa_options INTERFACE -fuse-ld=lld)
endif()

# ccache's settings travel on the command line, so that no user's configuration matters: paths
# inside the checkout are hashed relative (worktrees share results) and precompiled headers count.
find_program(BAFA_CCACHE_PROGRAM NAMES ccache)
if(BAFA_CCACHE AND BAFA_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_MAXSIZE=5G "${BAFA_CCACHE_PROGRAM}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(bafa_options INTERFACE -fpch-preprocess)
  endif()
endif()
