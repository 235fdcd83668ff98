# SPDX-License-Identifier: MIT
# Builds the SPIR-V modules that kernels.txt lists and a C table of them (kernels.gen.c).
find_program(GLSLANG glslangValidator REQUIRED)
find_program(SPIRV_VAL spirv-val)
set(DSVK_CMAKE ${CMAKE_CURRENT_LIST_DIR})

# Modules are the same for every system, so those that another build of these sources made can be taken.
set(DSVK_SHADERS "" CACHE PATH "folder with the modules of another build")
set(modules ${CMAKE_CURRENT_BINARY_DIR})
if(DSVK_SHADERS)
    set(modules ${DSVK_SHADERS})
endif()

# tools/prebuilt has the same.
set(DSVK_GLSLANG_FLAGS -V --target-env vulkan1.2 --quiet CACHE INTERNAL "")

function(dsvk_spirv NAME SOURCE) # further arguments: -DX defines
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.spv)
    set(check COMMAND ${CMAKE_COMMAND} -E true)
    if(SPIRV_VAL)
        set(check COMMAND ${SPIRV_VAL} --target-env vulkan1.2 ${out})
    endif()
    add_custom_command(OUTPUT ${out}.h
        COMMAND ${GLSLANG} ${DSVK_GLSLANG_FLAGS} --depfile ${out}.d ${ARGN}
            -I${CMAKE_CURRENT_SOURCE_DIR} -o ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE}
        ${check}
        COMMAND ${GLSLANG} ${DSVK_GLSLANG_FLAGS} ${ARGN} -I${CMAKE_CURRENT_SOURCE_DIR}
            --vn dv_spv_${NAME} -o ${out}.h ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE} ${DSVK_SHADER_LIB}
        COMMENT "shader ${NAME}" VERBATIM)
endfunction()

# The same header from a module that tools/prebuilt made.
function(dsvk_prebuilt NAME)
    set(in ${CMAKE_CURRENT_SOURCE_DIR}/prebuilt/${NAME}.spv)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.spv.h)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DIN=${in} -DOUT=${out} -DNAME=dv_spv_${NAME}
            -P ${DSVK_CMAKE}/spirv_header.cmake
        DEPENDS ${in} ${DSVK_CMAKE}/spirv_header.cmake
        COMMENT "prebuilt shader ${NAME}" VERBATIM)
endfunction()

# GLSL extensions that glslang may be too old for, by the need that they serve.
set(DSVK_YOUNG_NEEDS cooperative_matrix bfloat16 float8)
set(DSVK_YOUNG_EXTENSIONS GL_KHR_cooperative_matrix GL_EXT_bfloat16 GL_EXT_float_e4m3)
foreach(need extension IN ZIP_LISTS DSVK_YOUNG_NEEDS DSVK_YOUNG_EXTENSIONS)
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/probe.comp)
    file(WRITE ${probe} "#version 460\n#extension ${extension} : require\nvoid main()\n{\n}\n")
    execute_process(COMMAND ${GLSLANG} ${DSVK_GLSLANG_FLAGS} -o ${probe}.spv ${probe}
        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    set(DSVK_TOO_YOUNG_${need} ${failed})
endforeach()

# A module of the library's table: variant NAME of the kernel BASE, for devices that meet NEEDS.
function(dsvk_kernel NAME BASE SOURCE NEEDS) # further arguments: -DX defines
    set(flags 0)
    set(prebuilt FALSE)
    foreach(need ${NEEDS})
        if(DSVK_TOO_YOUNG_${need})
            set(prebuilt TRUE)
        endif()
        string(TOUPPER ${need} need)
        string(APPEND flags " | DV_NEED_${need}")
    endforeach()
    if(prebuilt AND NOT DSVK_SHADERS)
        dsvk_prebuilt(${NAME})
    elseif(NOT DSVK_SHADERS)
        dsvk_spirv(${NAME} ${SOURCE} ${ARGN})
    endif()
    set_property(GLOBAL APPEND PROPERTY DSVK_KERNELS ${NAME})
    set_property(GLOBAL APPEND_STRING PROPERTY DSVK_KERNEL_ROWS
        "    { \"${NAME}\", \"${BASE}\", ${flags}, dv_spv_${NAME}, sizeof dv_spv_${NAME} / 4 },\n")
    set_property(GLOBAL APPEND PROPERTY DSVK_SPIRV_HEADERS
        ${modules}/${NAME}.spv.h)
endfunction()

function(dsvk_kernel_table OUT)
    get_property(names GLOBAL PROPERTY DSVK_KERNELS)
    get_property(rows GLOBAL PROPERTY DSVK_KERNEL_ROWS)
    set(text "/* Made by cmake/shaders.cmake. */\n#include \"vk/spirv.h\"\n\n")
    foreach(name ${names})
        string(APPEND text "#include \"${modules}/${name}.spv.h\"\n")
    endforeach()
    string(APPEND text "\nconst struct dv_spirv dv_kernel_spirv[] = {\n${rows}")
    string(APPEND text "    { 0, 0, 0, 0, 0 },\n};\n")
    file(GENERATE OUTPUT ${OUT} CONTENT "${text}")
endfunction()
