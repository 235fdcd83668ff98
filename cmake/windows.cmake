# SPDX-License-Identifier: MIT
# What a build for Windows has of its own: docs/windows.md.

# Windows 10. C11's formats in printf and scanf, which the old C library of MinGW does not know; files of any size.
add_compile_definitions(_WIN32_WINNT=0x0A00 __USE_MINGW_ANSI_STDIO=1 UNICODE _UNICODE)
add_compile_definitions(PCRE2_STATIC CMOCKA_STATIC) # what is not the system's is linked static
add_link_options(-static-libgcc)
enable_language(RC)
# A folder that has the Vulkan headers and volk.h, where they are not installed for this compiler.
set(DSVK_VULKAN_INCLUDE "" CACHE PATH "folder with vulkan/, vk_video/ and volk.h")
if(DSVK_VULKAN_INCLUDE)
    include_directories(SYSTEM ${DSVK_VULKAN_INCLUDE})
endif()

# The library makes threads by itself; the command line's server and the tests use POSIX threads, linked static.
add_library(Threads::Threads INTERFACE IMPORTED)
find_library(DSVK_WINPTHREAD NAMES libwinpthread.a REQUIRED)
add_library(dsvk_pthread INTERFACE)
target_link_libraries(dsvk_pthread INTERFACE ${DSVK_WINPTHREAD})

# What programs that know file properties show.
function(dsvk_version_resource TARGET NAME DESCRIPTION TYPE) # TYPE: 1 of a program, 2 of a library; a manifest
    set(NAME ${NAME})
    set(DESCRIPTION ${DESCRIPTION})
    set(TYPE ${TYPE})
    set(MANIFEST "")
    foreach(manifest ${ARGN})
        set(MANIFEST "1 24 \"${manifest}\"")
    endforeach()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/${TARGET}.rc)
    configure_file(${CMAKE_SOURCE_DIR}/cmake/version.rc.in ${file} @ONLY)
    target_sources(${TARGET} PRIVATE ${file})
endfunction()

# The DLL shows what the public headers declare, and nothing else. A list does that, as attributes would make each
# program that links the static library export it all, too.
function(dsvk_windows_library)
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/dsvk/*.h)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
    set(names)
    foreach(header ${headers})
        file(READ ${header} text)
        string(REGEX MATCHALL "\nDSVK_API[^(;]*[ *]dsvk_[a-z0-9_]+\\(" found "${text}")
        foreach(declaration ${found})
            string(REGEX REPLACE ".*[ *](dsvk_[a-z0-9_]+)\\($" "\\1" name "${declaration}")
            list(APPEND names ${name})
        endforeach()
    endforeach()
    list(SORT names)
    list(JOIN names "\n    " lines)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/dsvk.def CONTENT "EXPORTS\n    ${lines}\n")
    target_sources(dsvk PRIVATE ${CMAKE_BINARY_DIR}/dsvk.def)
    dsvk_version_resource(dsvk libdsvk.dll "The Vulkan engine for the DeepSeek family" 2)
endfunction()
