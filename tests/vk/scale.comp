// SPDX-License-Identifier: MIT
// y[i] = x[i] * FACTOR + add. Addresses are two words; ADDRESS_INT64 joins them in a 64-bit
// integer, otherwise the carry is added by hand.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#ifdef ADDRESS_INT64
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint FACTOR = 3;
layout(constant_id = 5) const uint EXTRA = 0; // ids need not be dense

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Word {
    uint value;
};

layout(push_constant) uniform Push {
    uvec2 x, y;
    uint  n, add;
};

Word at(uvec2 base, uint i)
{
#ifdef ADDRESS_INT64
    return Word(packUint2x32(base) + uint64_t(i) * 4ul);
#else
    uint carry;
    uint low = uaddCarry(base.x, i * 4u, carry);
    return Word(uvec2(low, base.y + carry));
#endif
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < n; i += gl_WorkGroupSize.x * gl_NumWorkGroups.x)
        at(y, i).value = at(x, i).value * FACTOR + add + EXTRA;
}
