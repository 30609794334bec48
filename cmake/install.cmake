# What `cmake --install` puts where: the program, the library both ways, its
# headers, pkg-config and CMake files, the Python package, training recipes,
# manual and shell completion.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

target_include_directories(dmsnet_shared INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS dmsnet RUNTIME)
install(TARGETS dms ARCHIVE)
install(TARGETS dmsnet_shared EXPORT dmsnetTargets LIBRARY)
install(DIRECTORY include/dms DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
# A shipped model is found from the program's or the library's own place; this
# is where it lies if neither tells.
target_compile_definitions(room_net PRIVATE
  DMS_MODELS_DIR="${CMAKE_INSTALL_FULL_DATADIR}/dmsnet/models")
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dmsnet/models
  FILES_MATCHING PATTERN "dmsnet-*.safetensors" PATTERN "dmsnet-*.md")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY python/dmsnet
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/python3/dist-packages
  FILES_MATCHING PATTERN "*.py" PATTERN py.typed PATTERN __pycache__ EXCLUDE)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/dmsnet
  FILES_MATCHING PATTERN "*.yaml")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dmsnet)
configure_package_config_file(cmake/dmsnetConfig.cmake.in
  ${CMAKE_BINARY_DIR}/dmsnetConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/dmsnetConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/dmsnetConfig.cmake
  ${CMAKE_BINARY_DIR}/dmsnetConfigVersion.cmake DESTINATION ${package_dir})
install(EXPORT dmsnetTargets NAMESPACE dmsnet:: DESTINATION ${package_dir})

# Found from the file's own place: --prefix may differ from the configured one.
file(RELATIVE_PATH DMS_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/dmsnet.pc.in ${CMAKE_BINARY_DIR}/dmsnet.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dmsnet.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The program prints them from its own option tables.
install(CODE "
  execute_process(COMMAND $<TARGET_FILE:dmsnet> man
    OUTPUT_FILE ${CMAKE_BINARY_DIR}/dmsnet.1 COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND $<TARGET_FILE:dmsnet> completion bash
    OUTPUT_FILE ${CMAKE_BINARY_DIR}/dmsnet.bash COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${CMAKE_BINARY_DIR}/dmsnet.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_BINARY_DIR}/dmsnet.bash RENAME dmsnet
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
