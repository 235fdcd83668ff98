# SPDX-License-Identifier: MIT
# Builds the SPIR-V modules that kernels.txt lists and a C table of them (kernels.gen.c).
find_program(GLSLANG glslangValidator REQUIRED)
find_program(SPIRV_VAL spirv-val)

function(dsvk_spirv NAME SOURCE) # further arguments: -DX defines
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.spv)
    set(check COMMAND ${CMAKE_COMMAND} -E true)
    if(SPIRV_VAL)
        set(check COMMAND ${SPIRV_VAL} --target-env vulkan1.2 ${out})
    endif()
    add_custom_command(OUTPUT ${out}.h
        COMMAND ${GLSLANG} -V --target-env vulkan1.2 --quiet --depfile ${out}.d ${ARGN}
            -I${CMAKE_CURRENT_SOURCE_DIR} -o ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE}
        ${check}
        COMMAND ${GLSLANG} -V --target-env vulkan1.2 --quiet ${ARGN} -I${CMAKE_CURRENT_SOURCE_DIR}
            --vn dv_spv_${NAME} -o ${out}.h ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE} ${DSVK_SHADER_LIB}
        COMMENT "shader ${NAME}" VERBATIM)
    set_property(GLOBAL APPEND PROPERTY DSVK_SPIRV ${NAME})
    set_property(GLOBAL APPEND PROPERTY DSVK_SPIRV_HEADERS ${out}.h)
endfunction()

function(dsvk_kernel_table OUT)
    get_property(names GLOBAL PROPERTY DSVK_SPIRV)
    set(text "/* Made by cmake/shaders.cmake. */\n#include \"vk/spirv.h\"\n\n")
    foreach(name ${names})
        string(APPEND text "#include \"${CMAKE_CURRENT_BINARY_DIR}/${name}.spv.h\"\n")
    endforeach()
    string(APPEND text "\nconst struct dv_spirv dv_kernel_spirv[] = {\n")
    foreach(name ${names})
        string(APPEND text
            "    { \"${name}\", dv_spv_${name}, sizeof dv_spv_${name} / sizeof(uint32_t) },\n")
    endforeach()
    string(APPEND text "    { 0, 0, 0 },\n};\n")
    file(GENERATE OUTPUT ${OUT} CONTENT "${text}")
endfunction()
