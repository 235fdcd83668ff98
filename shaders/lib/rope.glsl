// SPDX-License-Identifier: MIT
// Rotation of interleaved pairs: (x0, x1) becomes (x0 cos - x1 sin, x0 sin + x1 cos).
#ifndef DV_ROPE_GLSL
#define DV_ROPE_GLSL

// Values k .. k+3 (k a multiple of 4) of a head of `dim` values. table: [context, dim/2] (cos,
// sin).
vec4 rope_rotate(ADDRESS table, uint position, uint dim, uint k, vec4 x)
{
    vec4 t = load4(table, (position * dim + k) * 4u);
    precise vec4 first = x * t.xxzz;
    precise vec4 y = vec4(fma(-x.y, t.y, first.x), fma(x.x, t.y, first.y),
                          fma(-x.w, t.w, first.z), fma(x.z, t.w, first.w));
    return y;
}

#endif
