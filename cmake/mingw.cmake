# SPDX-License-Identifier: MIT
# Builds for Windows, x86-64, with Debian's MinGW-w64: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/mingw.cmake. tools/windows
# does that, with the libraries that are needed. The compiler with Windows' own threads, so that the library needs no
# DLL besides the system's; libraries are sought in CMAKE_PREFIX_PATH alone, programs on this machine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-win32)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY BOTH) # those of pkg-config, by their whole paths
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
