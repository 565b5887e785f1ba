# For systems other than Debian 12 (-DBAFA_FETCH=ON): fills the cache with what scripts/setup takes
# from Debian's newer suites, out of the projects' own release archives, pinned by hash.
include(FetchContent)

function(bafa_fetch OUT NAME URL SHA256)
  string(TOLOWER "bafa_${NAME}" folder)
  FetchContent_Populate(${folder} QUIET URL "${URL}" URL_HASH "SHA256=${SHA256}"
    SUBBUILD_DIR "${PROJECT_BINARY_DIR}/fetch/${NAME}-subbuild"
    SOURCE_DIR "${PROJECT_BINARY_DIR}/fetch/${NAME}" BINARY_DIR "${PROJECT_BINARY_DIR}/fetch/unused")
  set(${OUT} "${PROJECT_BINARY_DIR}/fetch/${NAME}" PARENT_SCOPE)
endfunction()

if(NOT EXISTS "${BAFA_CACHE}/cpp-httplib-0.41.0/httplib.h")
  bafa_fetch(httplib cpp-httplib
    https://github.com/yhirose/cpp-httplib/archive/refs/tags/v0.41.0.tar.gz
    6d38a6b74ea33ac3133b8352f2b55b557c1d42f36e1ed0c01f852e3218329d39)
  file(COPY "${httplib}/httplib.h" "${httplib}/LICENSE" DESTINATION "${BAFA_CACHE}/cpp-httplib-0.41.0")
endif()

if(NOT EXISTS "${BAFA_CACHE}/sentencepiece-0.2.2/lib/libsentencepiece.a")
  bafa_fetch(abseil abseil
    https://github.com/abseil/abseil-cpp/releases/download/20260526.0/abseil-cpp-20260526.0.tar.gz
    6e1aee535473414164bf83e4ebc40240dec71a4701f8a642d906e95bea1aea0c)
  bafa_fetch(sentencepiece sentencepiece
    https://github.com/google/sentencepiece/archive/refs/tags/v0.2.2.tar.gz
    92381f713e094a15a1ccff1ac4a5315a4c4b82a99ac1332d6ac53c9dc8e1bcf1)
  message(STATUS "Building sentencepiece; this takes minutes")
  execute_process(COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/cmake/build_sentencepiece.sh" "${abseil}" "${sentencepiece}"
      "${PROJECT_BINARY_DIR}/fetch/build" "${BAFA_CACHE}/sentencepiece-0.2.2")
endif()
