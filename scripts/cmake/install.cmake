# What `cmake --install` copies, and the Debian package that `cpack` makes of it: the program, the
# libraries that Debian does not have in a folder of their own, the models that are committed, the
# service's unit, the configuration, the manual page and bash's completion.
set(BAFA_PRIVATE_LIBRARIES lib/bafa)

set_target_properties(bafa PROPERTIES INSTALL_RPATH "$ORIGIN/../${BAFA_PRIVATE_LIBRARIES}")
install(TARGETS bafa RUNTIME_DEPENDENCY_SET bafa_libraries RUNTIME DESTINATION bin)
# Debian's own libraries lie where the loader looks anyway.
install(RUNTIME_DEPENDENCY_SET bafa_libraries
  PRE_EXCLUDE_REGEXES "^ld-linux"
  POST_EXCLUDE_REGEXES "^/lib" "^/usr/lib"
  LIBRARY DESTINATION "${BAFA_PRIVATE_LIBRARIES}")
# The GPU's half, only by `cmake --install … --component cuda`: with NVIDIA's libraries it is
# gigabytes. The program opens it beside itself.
if(TARGET bafa_cuda)
  set_target_properties(bafa_cuda PROPERTIES INSTALL_RPATH "$ORIGIN/../${BAFA_PRIVATE_LIBRARIES}")
  install(TARGETS bafa_cuda RUNTIME_DEPENDENCY_SET bafa_cuda_libraries
    LIBRARY DESTINATION bin COMPONENT cuda EXCLUDE_FROM_ALL)
  install(RUNTIME_DEPENDENCY_SET bafa_cuda_libraries
    PRE_EXCLUDE_REGEXES "^ld-linux" "^libcuda\\.so"
    POST_EXCLUDE_REGEXES "^/lib" "^/usr/lib"
    LIBRARY DESTINATION "${BAFA_PRIVATE_LIBRARIES}" COMPONENT cuda EXCLUDE_FROM_ALL)
endif()

foreach(text IN ITEMS man-page bash-completion)
  add_custom_command(OUTPUT "${PROJECT_BINARY_DIR}/bafa.${text}"
    COMMAND bafa "--${text}" > "${PROJECT_BINARY_DIR}/bafa.${text}" DEPENDS bafa VERBATIM)
  list(APPEND texts "${PROJECT_BINARY_DIR}/bafa.${text}")
endforeach()
add_custom_target(bafa_texts ALL DEPENDS ${texts})
install(FILES "${PROJECT_BINARY_DIR}/bafa.man-page" DESTINATION share/man/man1 RENAME bafa.1)
install(FILES "${PROJECT_BINARY_DIR}/bafa.bash-completion"
  DESTINATION share/bash-completion/completions RENAME bafa)

install(DIRECTORY models/bafa-emoji DESTINATION share/bafa/models OPTIONAL)
install(FILES config/bafa.service DESTINATION lib/systemd/system)
install(FILES config/alerts.yml config/grafana.json config/logrotate.conf config/nginx.conf
  config/server.json config/supervisor.conf DESTINATION share/doc/bafa/examples)
install(FILES LICENSE DESTINATION share/doc/bafa RENAME copyright)
# Of the libraries in the private folder.
install(DIRECTORY "${libtorch_folder}/" DESTINATION share/doc/bafa/licenses
  FILES_MATCHING PATTERN "*.dist-info/licenses/*" PATTERN torch EXCLUDE PATTERN nvidia EXCLUDE)
# Of the package alone: `cmake --install` writes nothing outside its prefix.
install(FILES config/server.json DESTINATION /etc/bafa COMPONENT package EXCLUDE_FROM_ALL)

# ---- the package --------------------------------------------------------------------------------
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the operators of bafa <root@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL Unspecified package)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${libtorch_folder}/torch/lib"
  "${libtorch_folder}/nvidia/cu13/lib")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/scripts/cmake/debian/conffiles"
  "${PROJECT_SOURCE_DIR}/scripts/cmake/debian/postinst"
  "${PROJECT_SOURCE_DIR}/scripts/cmake/debian/prerm"
  "${PROJECT_SOURCE_DIR}/scripts/cmake/debian/postrm")
include(CPack)
