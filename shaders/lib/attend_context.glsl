// SPDX-License-Identifier: MIT
// The merged context of one head and TOKENS tokens in shared memory, with the bits of
// attend_result() (lib/attend.glsl). The factors of the merge are computed once a workgroup, an
// invocation a split; then each column has many partials on their way at the same time.
//
// The including kernel defines before the constants TOKENS and KV4.
#ifndef DV_ATTEND_CONTEXT_GLSL
#define DV_ATTEND_CONTEXT_GLSL

#include "lib/attend.glsl"
#include "lib/step.glsl"

const uint CHUNK = 64; // splits whose factors are known at a time
// Partials that a lane loads before it uses the first; a CPU's loads do not wait for each other.
const uint AHEAD = WORKGROUP < 32u ? 1u : 16u;

shared vec4  context[TOKENS * KV4];
shared vec4  factor[TOKENS * CHUNK]; // attend_merged's keep and add of a split, its l times add
shared float split_m[TOKENS * CHUNK], split_l[TOKENS * CHUNK];
shared float begin_m[TOKENS], begin_l[TOKENS], end_m[TOKENS], end_l[TOKENS]; // of a chunk
shared uint  split_count[TOKENS];

struct context_site {
    dv_address step, partials;
    uint       head, first, tokens; // of all tokens, those from `first` on
    uint       stride, split, splits;
};

// Byte offset of the partial of a split.
uint context_place(context_site site, uint t, uint split)
{
    uint token = min(site.first + t, site.tokens - 1u);
    return (token * site.stride + attend_place(site.head, split, site.splits, KV4 * 4u)) * 4u;
}

// m and l of n splits a token from `from` on.
void context_ends(context_site site, uint from, uint n)
{
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * n; i += WORKGROUP) {
        uint t = i / n, s = i % n;
        if (from + s < split_count[t]) {
            uint place = context_place(site, t, from + s) + KV4 * 16u;
            vec2 ml = load4(address(site.partials), place).xy;
            split_m[t * CHUNK + s] = ml.x;
            split_l[t * CHUNK + s] = ml.y;
        }
    }
    for (uint t = gl_LocalInvocationID.x; t < TOKENS; t += WORKGROUP) {
        begin_m[t] = end_m[t];
        begin_l[t] = end_l[t];
    }
    barrier();
}

void context_factors(uint from, uint n)
{
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * n; i += WORKGROUP) {
        uint  t = i / n, s = i % n;
        float before = from > 0u ? begin_m[t] : split_m[t * CHUNK];
        for (uint j = 0; j < s; j += 8u)
            [[unroll]] for (uint k = 0; k < 8u; k++)
                before = max(before, split_m[t * CHUNK + min(j + k, s - 1u)]);
        if (from + s < split_count[t]) {
            uint          place = t * CHUNK + s;
            attend_merged both = attend_merge(before, 0.0, split_m[place], split_l[place]);
            factor[place] = vec4(both.keep, both.add, both.l, 0.0);
            if (s == CHUNK - 1u)
                end_m[t] = both.m;
        }
    }
    barrier();
}

float context_add(float l, vec4 f)
{
    precise float total = fma(l, f.x, f.z);
    return total;
}

vec4 context_divide(vec4 sums, float l)
{
    precise vec4 y = sums / l;
    return y;
}

void context_sums(context_site site, uint from)
{
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * KV4; i += WORKGROUP) {
        uint t = i / KV4, k = i % KV4, s = 0;
        if (from >= split_count[t])
            continue;
        uint  count = min(CHUNK, split_count[t] - from);
        vec4  sums = context[i];
        float l = begin_l[t];
        if (from == 0u) {
            sums = load4(address(site.partials), context_place(site, t, 0u) + k * 16u);
            l = split_l[t * CHUNK];
            s = 1u;
        }
        for (; s < count; s += AHEAD) {
            vec4 part[AHEAD];
            [[unroll]] for (uint j = 0; j < AHEAD; j++) {
                uint place = context_place(site, t, from + min(s + j, count - 1u));
                part[j] = load4(address(site.partials), place + k * 16u);
            }
            [[unroll]] for (uint j = 0; j < AHEAD; j++) {
                vec4          f = factor[t * CHUNK + min(s + j, count - 1u)];
                attend_merged both = attend_merged(0.0, 0.0, f.x, f.y);
                vec4          merged = attend_merge_sums(both, sums, part[j]);
                sums = s + j < count ? merged : sums;
                l = s + j < count ? context_add(l, f) : l;
            }
        }
        context[i] = from + CHUNK >= split_count[t] ? context_divide(sums, l) : sums;
        if (k == 0u)
            end_l[t] = l;
    }
    barrier();
}

// Fills `context`; ends with a barrier.
void load_context(context_site site)
{
    for (uint t = gl_LocalInvocationID.x; t < TOKENS; t += WORKGROUP) {
        uint position = step_position(site.step, min(site.first + t, site.tokens - 1u));
        split_count[t] = site.splits == 1u ? 1u : attend_splits(position, site.split);
    }
    barrier();
    uint most = 0;
    [[unroll]] for (uint t = 0; t < TOKENS; t++)
        most = max(most, split_count[t]);
    for (uint from = 0; from < most; from += CHUNK) {
        uint n = min(CHUNK, most - from);
        context_ends(site, from, n);
        context_factors(from, n);
        context_sums(site, from);
    }
}

#endif
