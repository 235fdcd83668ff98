# SPDX-License-Identifier: MIT
# Debian packages by `cpack -G DEB` in the build folder: libdsvk0.2, libdsvk-dev, ds-vk. tools/package makes
# them with Debian's folders. The loader of Vulkan is opened by name at run time, so that nobody sees it by itself.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The ds-vk authors <ds-vk@example.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)

set(soname ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libdsvk${soname})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS libvulkan1)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS "mesa-vulkan-drivers | vulkan-icd")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "DeepSeek models on any Vulkan device: the library
libdsvk reads published checkpoint folders as they are and computes on any device with Vulkan 1.2.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libdsvk-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libdsvk${soname} (= ${PROJECT_VERSION})")
# The archive needs the first two, dsvk/vulkan.h and dsvk/graph.h the third.
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "libjansson-dev, libpcre2-dev, libvulkan-dev, pkg-config")
set(CPACK_DEBIAN_DEV_DESCRIPTION "DeepSeek models on any Vulkan device: headers and examples
What building programs on libdsvk needs: headers, the archive, pkg-config and CMake files, examples in C and
C++, and the library for Python.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME ds-vk)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS libvulkan1)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "mesa-vulkan-drivers | vulkan-icd")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "DeepSeek models on any Vulkan device: the command line
ds-vk runs published checkpoint folders as they are, in the terminal and as a server. With a small demonstration
model.")

# What Debian wants beside each package's name; not part of `cmake --install`.
foreach(pair "program:ds-vk" "library:libdsvk${soname}" "dev:libdsvk-dev")
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 component)
    list(GET pair 1 package)
    install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
        RENAME copyright COMPONENT ${component} EXCLUDE_FROM_ALL)
    if(NOT component STREQUAL program)
        install(FILES ${CMAKE_SOURCE_DIR}/docs/licences.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
            COMPONENT ${component} EXCLUDE_FROM_ALL)
    endif()
endforeach()
# The loader's cache is renewed when the library comes and goes.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
include(CPack)
