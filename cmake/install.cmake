# SPDX-License-Identifier: MIT
# What `cmake --install` puts where. Nothing installed holds an absolute path of the build, so that
# a prefix can be chosen, and moved, afterwards.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/dsvk)

# Components are packages (cmake/package.cmake): program, library, dev.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME program)
install(TARGETS ds-vk RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS dsvk EXPORT dsvkTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(TARGETS dsvk_static EXPORT dsvkStaticTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/dsvk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/examples DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ds-vk
    COMPONENT dev
    PATTERN __pycache__ EXCLUDE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/ds-vk)
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/ds-vk.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
foreach(file LICENSE README.md CHANGELOG.md docs/licences.md)
    list(APPEND texts ${CMAKE_SOURCE_DIR}/${file})
endforeach()
install(FILES ${texts} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ds-vk)
if(NOT CMAKE_CROSSCOMPILING) # the program writes them
    install(FILES ${CMAKE_BINARY_DIR}/completion/ds-vk.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ds-vk)
    install(FILES ${CMAKE_BINARY_DIR}/completion/ds-vk.zsh
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _ds-vk)
    install(FILES ${CMAKE_BINARY_DIR}/completion/ds-vk.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

# From the folder of dsvk.pc up to the prefix.
file(RELATIVE_PATH DSVK_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_SOURCE_DIR}/cmake/dsvk.pc.in ${CMAKE_BINARY_DIR}/dsvk.pc @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/cmake/dsvk-static.pc.in ${CMAKE_BINARY_DIR}/dsvk-static.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dsvk.pc ${CMAKE_BINARY_DIR}/dsvk-static.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT dev)

install(EXPORT dsvkTargets NAMESPACE dsvk:: DESTINATION ${package_folder} COMPONENT dev)
install(EXPORT dsvkStaticTargets NAMESPACE dsvk:: DESTINATION ${package_folder} COMPONENT dev)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/dsvkConfig.cmake.in
    ${CMAKE_BINARY_DIR}/dsvkConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/dsvkConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/dsvkConfig.cmake ${CMAKE_BINARY_DIR}/dsvkConfigVersion.cmake
    DESTINATION ${package_folder} COMPONENT dev)

include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)
