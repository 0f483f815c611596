# cmake --install: the program, the shared library, its headers, the packages for find_package(glossa) and pkg-config,
# and the demo model. Whoever builds against the library needs none of the packages that glossa was built with.
include(CMakePackageConfigHelpers)

install(TARGETS glossa RUNTIME)
foreach(companion glossa-train glossa-serve)
  if(TARGET ${companion})
    install(TARGETS ${companion} RUNTIME)
  endif()
endforeach()

install(TARGETS glossa_shared EXPORT glossaTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/glossa DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES bindings/python/glossa.py DESTINATION ${CMAKE_INSTALL_LIBDIR}/glossa)
install(FILES models/glossa-mini.nemo DESTINATION ${CMAKE_INSTALL_DATADIR}/glossa/models)

set(glossa_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/glossa)
set(glossa_package_build_dir ${CMAKE_CURRENT_BINARY_DIR}/package)
install(EXPORT glossaTargets NAMESPACE glossa:: DESTINATION ${glossa_package_dir})
configure_package_config_file(cmake/glossaConfig.cmake.in ${glossa_package_build_dir}/glossaConfig.cmake
  INSTALL_DESTINATION ${glossa_package_dir} NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# C++ programs are rebuilt for every minor release until 1.0.
write_basic_package_version_file(${glossa_package_build_dir}/glossaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${glossa_package_build_dir}/glossaConfig.cmake ${glossa_package_build_dir}/glossaConfigVersion.cmake
  DESTINATION ${glossa_package_dir})

# Paths relative to the .pc file, so that the tree may be moved.
file(RELATIVE_PATH glossa_prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/glossa.pc.in ${glossa_package_build_dir}/glossa.pc @ONLY)
install(FILES ${glossa_package_build_dir}/glossa.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
