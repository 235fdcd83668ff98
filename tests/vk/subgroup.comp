// SPDX-License-Identifier: MIT
// Every invocation reports the size of its subgroup.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_KHR_shader_subgroup_basic : require

layout(local_size_x_id = 0) in;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words {
    uint value[];
};

layout(push_constant) uniform Push {
    uvec2 y;
};

void main()
{
    Words(y).value[gl_GlobalInvocationID.x] = gl_SubgroupSize;
}
