# SPDX-License-Identifier: MIT
# Writes a C file with the bytes of files: cmake -DOUT=FILE -DNAME=PREFIX -P embed.cmake -- FILE...
# Each becomes `const unsigned char PREFIX_name_ext[]` and `const size_t PREFIX_name_ext_bytes`.
set(text "/* Made by cmake/embed.cmake. */\n#include <stddef.h>\n")
set(files FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
    set(file "${CMAKE_ARGV${i}}")
    if(files)
        get_filename_component(name "${file}" NAME)
        string(MAKE_C_IDENTIFIER "${NAME}_${name}" name)
        file(READ "${file}" bytes HEX)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
        string(APPEND text "extern const unsigned char ${name}[];\nextern const size_t ${name}_bytes;\n"
            "const unsigned char ${name}[] = { ${bytes} };\n"
            "const size_t ${name}_bytes = sizeof ${name};\n")
    elseif(file STREQUAL "--")
        set(files TRUE)
    endif()
endforeach()
file(WRITE "${OUT}" "${text}")
