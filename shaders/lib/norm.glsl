// SPDX-License-Identifier: MIT
// RMSNorm's factor 1/sqrt(mean(x^2) + eps) of one row, the same bits in every kernel and for
// every workgroup size: NORM_LANES partial sums over interleaved groups of four, then a fixed
// tree. The including kernel declares nothing; `slot` tells apart the rows that one workgroup
// handles.
#ifndef DV_NORM_GLSL
#define DV_NORM_GLSL

const uint NORM_LANES = 64;
const uint NORM_STEP = NORM_LANES * 4u; // columns from one group of four of a lane to its next
const uint NORM_AHEAD = 4; // loads that leave together
shared float norm_partial[NORM_LANES];

float norm_add(float sum, vec4 v)
{
    precise float s = fma(v.x, v.x, sum);
    s = fma(v.y, v.y, s);
    s = fma(v.z, v.z, s);
    s = fma(v.w, v.w, s);
    return s;
}

// All invocations of the workgroup call it with the same row. cols is a multiple of 4. WORKGROUP
// is a power of two. Ends with a barrier: norm_partial may be used again at once. NaN where the
// squares' sum leaves f32: 1/sqrt of infinity would turn the row into zeros.
float norm_factor(ADDRESS row, uint cols, float eps)
{
    uint lane = gl_LocalInvocationID.x;
    for (uint j = lane; j < NORM_LANES; j += WORKGROUP) {
        float sum = 0.0;
        uint  k = j * 4u;
        for (; k + NORM_STEP * (NORM_AHEAD - 1u) < cols; k += NORM_STEP * NORM_AHEAD) {
            vec4 v[NORM_AHEAD];
            [[unroll]] for (uint i = 0; i < NORM_AHEAD; i++)
                v[i] = load4(row, (k + i * NORM_STEP) * 4u);
            [[unroll]] for (uint i = 0; i < NORM_AHEAD; i++)
                sum = norm_add(sum, v[i]);
        }
        for (; k < cols; k += NORM_STEP)
            sum = norm_add(sum, load4(row, k * 4u));
        norm_partial[j] = sum;
    }
    // A place is always the same invocation's, so only steps across invocations wait.
    for (uint width = NORM_LANES / 2u; width > 0u; width /= 2u) {
        if (width < WORKGROUP)
            barrier();
        for (uint j = lane; j < width; j += WORKGROUP)
            norm_partial[j] += norm_partial[j + width];
    }
    barrier();
    precise float mean = norm_partial[0] / float(cols);
    barrier();
    return is_finite(mean) ? 1.0 / sqrt(mean + eps) : not_a_number();
}

// One value of the normalised row; three kernels compute it and must agree.
vec4 norm_apply(vec4 x, float factor, vec4 weight)
{
    precise vec4 y = x * factor * weight;
    return y;
}

#endif
