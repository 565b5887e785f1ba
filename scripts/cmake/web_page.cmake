# bafa_web_page(TARGET DIRECTORY directory FILES file…)
# Compiles the files of the web page into TARGET: the program serves them without a file on disk.
function(bafa_web_page TARGET)
  cmake_parse_arguments(PARSE_ARGV 1 PAGE "" "DIRECTORY" "FILES")
  set(directory "${PROJECT_SOURCE_DIR}/${PAGE_DIRECTORY}")
  set(output "${PROJECT_BINARY_DIR}/web_page.cpp")
  set(script "${PROJECT_SOURCE_DIR}/scripts/cmake/embed_files.cmake")
  list(JOIN PAGE_FILES "|" joined)
  list(TRANSFORM PAGE_FILES PREPEND "${directory}/")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DDIRECTORY=${directory}" "-DFILES=${joined}"
      -P "${script}"
    DEPENDS ${PAGE_FILES} "${script}"
    COMMENT "Embedding the web page" VERBATIM)
  target_sources(${TARGET} PRIVATE "${output}")
endfunction()
