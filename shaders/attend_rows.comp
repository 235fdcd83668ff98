#version 460
// SPDX-License-Identifier: MIT
// attend for vector units of a CPU: the same formula and the same partials, other sums. A row is a
// (token, head) pair; a workgroup handles HEADS heads of TOKENS tokens, of one timeline, over one
// split of the context, or over all splits of it with MERGE. Groups: x = heads / HEADS, y = splits
// (1 with MERGE), z = tokens / TOKENS; the last ones overlap those before and store less. Bound by
// fma.
//
// Two products of matrices, in both of which what belongs to a row is the same for all lanes, so
// that it costs one load and a broadcast, and what belongs to a lane is loaded once for all rows:
//   scores  a lane is a position: its record against each row's query
//   values  a lane is four columns: each position's latent times each row's weight
// All scores of a split are kept, so its maximum is known before the first exponential, sums need
// no rescaling and barriers are few. Order of summation: a score is one chain of fma over the
// columns, then scaled; l and the sums of values are chains over the positions; splits in order. It
// depends on neither WORKGROUP nor HEADS nor TOKENS.
//
// Loops end at their bottom, and what they load exists even if no lane wants it: see expert_down.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_ATTEND_CACHE) const uint CACHE = 1;
layout(constant_id = DV_ATTEND_HEADS) const uint HEADS = 16; // of a workgroup
layout(constant_id = DV_ATTEND_TOKENS) const uint TOKENS = 1; // the same; not more than there are
layout(constant_id = DV_ATTEND_KV4) const uint KV4 = 128; // groups of four columns
layout(constant_id = DV_ATTEND_ROPE4) const uint ROPE4 = 16;
layout(constant_id = DV_ATTEND_MERGE) const uint MERGE = 0;
layout(constant_id = DV_ATTEND_ROWS_SPLIT) const uint SPLIT = 256; // a multiple of DV_PAGE
// Groups of columns a step, at most 4; they divide KV4 and ROPE4.
layout(constant_id = DV_ATTEND_ROWS_KV_STEP) const uint KV_STEP = 4;
layout(constant_id = DV_ATTEND_ROWS_ROPE_STEP) const uint ROPE_STEP = 4;

ARGS(attend);

#include "lib/attend.glsl"
#include "lib/cache.glsl"
#include "lib/step.glsl"

// y is read again when splits are merged, so these accesses must keep their order; Load4's may not.
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Sums4 { vec4 v; };

const uint  ROWS = HEADS * TOKENS;
const float LOWEST = -3.0e38;

// Scores, then their exponentials, at weight_at(position of the split, row).
shared float weight[SPLIT * ROWS];
shared float row_m[ROWS], row_l[ROWS], row_keep[ROWS], row_add[ROWS];

float sum[ROWS];
vec4  sums[ROWS];

dv_address pages; // of the timeline

// Four positions of a row lie side by side.
uint weight_at(uint p, uint r)
{
    return (p / 4u * ROWS + r) * 4u + p % 4u;
}

uint first_head()
{
    return min(gl_WorkGroupID.x * HEADS, args.heads - HEADS);
}
uint token_group()
{
    return gl_WorkGroupID.z + args.first;
}
uint first_token()
{
    return min(token_group() * TOKENS, args.tokens - TOKENS);
}

// Positions that a row sees of those from `first` on; `position` is that of token 0.
uint seen_by(uint r, uint position, uint first)
{
    uint last = position + first_token() + r / HEADS;
    return last < first ? 0u : last - first + 1u;
}

// The place of a row's partial in bytes, or none where another workgroup writes it or the row does
// not reach this split.
const uint NONE = 0xFFFFFFFFu;
uint place_of(uint r, uint split, uint position)
{
    uint head = first_head() + r % HEADS, token = first_token() + r / HEADS;
    if (head < gl_WorkGroupID.x * HEADS || token < token_group() * TOKENS ||
        position + token < split * SPLIT)
        return NONE;
    uint place = attend_place(head, MERGE != 0u ? 0u : split, args.splits, KV4 * 4u);
    return (token * args.y_stride + place) * 4u;
}

ADDRESS record_of(uint position)
{
    return cache_record(args.cache, pages, position);
}

// Adds the products of n groups of columns, at byte `k` of the rows' queries, to `sum`.
void add_products(vec4 v[4], uint n, ADDRESS query, uint k, uint head_bytes, uint token_bytes)
{
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
        precise float s = sum[r];
        [[unroll]] for (uint i = 0; i < n; i++) {
            uint from = k + i * 16u + r % HEADS * head_bytes + r / HEADS * token_bytes;
            vec4 q = load4(query, from);
            s = fma(v[i].w, q.w, fma(v[i].z, q.z, fma(v[i].y, q.y, fma(v[i].x, q.x, s))));
        }
        sum[r] = s;
    }
}

// sum = the rows' products with one record.
void multiply(ADDRESS record, ADDRESS latent, ADDRESS rope)
{
    vec4 v[4];
    uint k = 0u;
    [[unroll]] for (uint r = 0; r < ROWS; r++)
        sum[r] = 0.0;
    do {
        [[unroll]] for (uint i = 0; i < KV_STEP; i++)
            v[i] = cache_latent4(record, (k + i) * 4u, KV4 * 4u);
        add_products(v, KV_STEP, latent, k * 16u, KV4 * 16u, args.q_latent_stride * 4u);
        k += KV_STEP;
    } while (k < KV4);
    k = 0u;
    do {
        [[unroll]] for (uint i = 0; i < ROPE_STEP; i++)
            v[i] = cache_rope4(record, (k + i) * 4u, KV4 * 4u);
        add_products(v, ROPE_STEP, rope, k * 16u, ROPE4 * 16u, args.q_rope_stride * 4u);
        k += ROPE_STEP;
    } while (k < ROPE4);
}

// The scores of positions first .. first+n-1.
void score(uint first, uint n)
{
    uint    latent_at = first_token() * args.q_latent_stride + first_head() * KV4 * 4u;
    uint    rope_at = first_token() * args.q_rope_stride + first_head() * ROPE4 * 4u;
    ADDRESS latent = at(address(args.q_latent), latent_at * 4u);
    ADDRESS rope = at(address(args.q_rope), rope_at * 4u);
    uint    p = 0u;
    do {
        uint place = p + gl_LocalInvocationID.x;
        multiply(record_of(first + min(place, n - 1u)), latent, rope);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            precise float scaled = sum[r] * args.scale;
            weight[weight_at(place, r)] = scaled;
        }
        p += WORKGROUP;
    } while (p < n);
}

// The exponentials of the scores and how a row's sums are merged with those of earlier splits. A
// lane is a row.
void softmax(uint first, uint n, uint position, bool start)
{
    uint i = 0u;
    do {
        uint  r = min(i + gl_LocalInvocationID.x, ROWS - 1u), seen = seen_by(r, position, first);
        float top = LOWEST;
        uint  p = 0u;
        do {
            if (p < seen)
                top = max(top, weight[weight_at(p, r)]);
            p++;
        } while (p < n);
        precise float l = 0.0;
        p = 0u;
        do {
            precise float below = weight[weight_at(p, r)] - top;
            if (p < seen && i + gl_LocalInvocationID.x < ROWS) {
                float w = exp_or_nan(below);
                l += w;
                weight[weight_at(p, r)] = w;
            }
            p++;
        } while (p < n);
        if (i + gl_LocalInvocationID.x < ROWS) {
            attend_merged both = attend_merged(top, l, 0.0, 1.0);
            if (!start)
                both = attend_merge(row_m[r], row_l[r], top, l);
            if (!start && seen == 0u)
                both = attend_merged(row_m[r], row_l[r], 1.0, 0.0);
            row_m[r] = both.m;
            row_l[r] = both.l;
            row_keep[r] = both.keep;
            row_add[r] = both.add;
        }
        i += WORKGROUP;
    } while (i < ROWS);
}

#include "lib/attend_rows_values.glsl"

void store_rows(uint split, uint position)
{
    uint i = 0u;
    do {
        uint r = min(i + gl_LocalInvocationID.x, ROWS - 1u), place = place_of(r, split, position);
        if (i + gl_LocalInvocationID.x < ROWS && place != NONE)
            Sums4(at(address(args.y), place + KV4 * 16u)).v = vec4(row_m[r], row_l[r], 0.0, 0.0);
        i += WORKGROUP;
    } while (i < ROWS);
}

void main()
{
    dv_row row = step_row(args.step, first_token());
    uint position = row.position - first_token(); // of token 0, were it of the same timeline
    pages = row.pages;
    uint last = position + first_token() + TOKENS - 1u, count = attend_splits(last, SPLIT);
    uint begin = MERGE != 0u ? 0u : gl_WorkGroupID.y, end = MERGE != 0u ? count : begin + 1u;
    uint split = begin;
    if (begin >= count)
        return;
    do {
        uint first = split * SPLIT, n = min(SPLIT, last + 1u - first);
        score(first, n);
        barrier();
        softmax(first, n, position, split == begin);
        barrier();
        values(first, n, split, position, split == begin);
        barrier();
        split++;
    } while (split < end);
    store_rows(begin, position);
}
