# SPDX-License-Identifier: MIT
# cmake -DIN=a.spv -DOUT=a.h -DNAME=words -P spirv_header.cmake: a module as a C array of words.
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR rest "${digits} % 8")
if(digits EQUAL 0 OR NOT rest EQUAL 0)
    message(FATAL_ERROR "${IN}: not whole words")
endif()
# Bytes are in the order of a little-endian word.
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${hex}")
string(REGEX REPLACE "(0x........,0x........,0x........,0x........,)" "    \\1\n" words "${words}")
file(WRITE ${OUT} "#include <stdint.h>\n\nstatic const uint32_t ${NAME}[] = {\n${words}\n};\n")
