// SPDX-License-Identifier: MIT
// Work that takes a while, then one word.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

layout(local_size_x_id = 0) in;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Word {
    uint value;
};

layout(push_constant) uniform Push {
    uvec2 y;
    uint  rounds;
};

void main()
{
    uint state = gl_GlobalInvocationID.x;
    for (uint i = 0; i < rounds; i++)
        state = state * 1664525u + 1013904223u;
    if (state != 0 || gl_GlobalInvocationID.x == 0)
        Word(y).value = 1;
}
