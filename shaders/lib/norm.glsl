// SPDX-License-Identifier: MIT
// RMSNorm's factor 1/sqrt(mean(x^2) + eps) of one row, the same bits in every kernel and for
// every workgroup size: NORM_LANES partial sums over interleaved groups of four, then a fixed
// tree. The including kernel declares nothing; `slot` tells apart the rows that one workgroup
// handles.
#ifndef DV_NORM_GLSL
#define DV_NORM_GLSL

const uint NORM_LANES = 64;
shared float norm_partial[NORM_LANES];

// All invocations of the workgroup call it with the same row. cols is a multiple of 4. WORKGROUP
// is a power of two. Ends with a barrier: norm_partial may be used again at once. NaN where the
// squares' sum leaves f32: 1/sqrt of infinity would turn the row into zeros.
float norm_factor(ADDRESS row, uint cols, float eps)
{
    uint lane = gl_LocalInvocationID.x;
    for (uint j = lane; j < NORM_LANES; j += WORKGROUP) {
        precise float sum = 0.0;
        for (uint k = j * 4u; k < cols; k += NORM_LANES * 4u) {
            vec4 v = load4(row, k * 4u);
            sum = fma(v.x, v.x, sum);
            sum = fma(v.y, v.y, sum);
            sum = fma(v.z, v.z, sum);
            sum = fma(v.w, v.w, sum);
        }
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
