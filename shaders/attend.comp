#version 460
// SPDX-License-Identifier: MIT
// Attention over the latent cache in absorbed form: for each head
//   s_p = scale * (q_latent . latent_p + q_rope . rope_p),  p <= position of the token
//   y = (sum_p exp(s_p - m) latent_p, m, sum_p exp(s_p - m)),  m = max s_p
// A workgroup handles HEADS heads of TOKENS tokens of one timeline, its pairs, over one split of
// the context, or over all splits of it with MERGE. Each record is loaded and decoded once, into
// shared memory, and serves all pairs as key and as value. Groups: x = heads / HEADS, y = splits (1
// with MERGE), z = tokens / TOKENS. Bound by the cache's bytes with few heads, by fma and shared
// memory with many. CPU drivers have attend_rows instead.
//
// A lane is one of PAIR_LANES (low bits) and SLICES; it holds EACH pairs and every SLICES-th group
// of four columns of their queries and sums. Order of summation: a score is SLICES chains of fma,
// added in order, then scaled; scores join the softmax in tiles of ROWS positions, splits in order.
// It depends on SLICES and ROWS, which follow from the shape and the device only. A pair has weight
// 0 at positions of a tile that it does not see.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_ATTEND_CACHE) const uint CACHE = 1;
layout(constant_id = DV_ATTEND_HEADS) const uint HEADS = 8; // of a workgroup
layout(constant_id = DV_ATTEND_TOKENS) const uint TOKENS = 1; // of a workgroup
layout(constant_id = DV_ATTEND_KV4) const uint KV4 = 128; // groups of four columns
layout(constant_id = DV_ATTEND_ROPE4) const uint ROPE4 = 16;
layout(constant_id = DV_ATTEND_MERGE) const uint MERGE = 0;
layout(constant_id = DV_ATTEND_EACH) const uint EACH = 2; // pairs of a lane
layout(constant_id = DV_ATTEND_ROWS) const uint ROWS = 4; // positions of a tile; divides DV_PAGE

ARGS(attend);

#include "lib/attend.glsl"
#include "lib/cache.glsl"
#include "lib/step.glsl"

// y is read again when splits are merged, so these accesses must keep their order; Load4's may not.
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Sums4 { vec4 v; };

const uint  PAIRS = HEADS * TOKENS, PAIR_LANES = PAIRS / EACH, SLICES = WORKGROUP / PAIR_LANES;
const uint  KEY4 = KV4 + ROPE4, COLS4 = KEY4; // a key is its value, too
const uint  QUERY = (COLS4 + SLICES - 1u) / SLICES, SUMS = (KV4 + SLICES - 1u) / SLICES;
const uint  PARTIAL = ROWS * PAIRS + PAIR_LANES; // the padding spreads the slices over the banks
const float LOWEST = -3.0e38;

shared vec4  tile[ROWS * COLS4];
shared float partial[SLICES * PARTIAL];
shared float score[ROWS * PAIRS], weight[ROWS * PAIRS]; // [row][pair]
shared float keep[PAIRS], largest[2 * PAIRS];           // largest: of even and of odd tiles

vec4  query[EACH * QUERY], sums[EACH * SUMS];
float total[EACH]; // l
uint  parity;
dv_address pages; // of the timeline

#include "lib/attend_ahead.glsl"
#include "lib/attend_scores.glsl"

uint head_of(uint pair)
{
    return gl_WorkGroupID.x * HEADS + pair % HEADS;
}
uint token_group()
{
    return gl_WorkGroupID.z + args.first;
}
uint token_of(uint pair)
{
    return token_group() * TOKENS + pair / HEADS;
}

void load_query()
{
    [[unroll]] for (uint e = 0; e < EACH; e++) {
        uint head = min(head_of(pair_of(e)), args.heads - 1u);
        uint token = min(token_of(pair_of(e)), args.tokens - 1u);
        uint latent = (token * args.q_latent_stride + head * args.kv) * 4u;
        uint rope = (token * args.q_rope_stride + head * args.rope) * 4u;
        [[unroll]] for (uint j = 0; j < QUERY; j++) {
            uint c = min(slice() + j * SLICES, COLS4 - 1u);
            ADDRESS from = c < KV4 ? at(address(args.q_latent), latent + c * 16u)
                                   : at(address(args.q_rope), rope + (c - KV4) * 16u);
            query[e * QUERY + j] = load4(from, 0u);
        }
    }
}

// The exponentials of the tile of n positions from `first` on, and the factor of what was summed
// before; `position` is that of token 0.
void softmax(uint first, uint n, uint position, bool start)
{
    for (uint i = gl_LocalInvocationID.x; i < n * PAIRS; i += WORKGROUP) {
        uint  pair = i % PAIRS, last = position + min(token_of(pair), args.tokens - 1u);
        uint  seen = last < first ? 0u : min(n, last - first + 1u);
        float before = start ? LOWEST : largest[parity * PAIRS + pair], top = before;
        for (uint r = 0; r < seen; r++)
            top = max(top, score[r * PAIRS + pair]);
        precise float below = score[i] - top, fall = before - top;
        weight[i] = i / PAIRS < seen ? exp_or_nan(below) : 0.0;
        if (i < PAIRS) {
            keep[pair] = seen > 0u ? exp_or_nan(fall) : 1.0;
            largest[(1u - parity) * PAIRS + pair] = top;
        }
    }
}

void add_values(uint n)
{
    [[unroll]] for (uint e = 0; e < EACH; e++) {
        float         factor = keep[pair_of(e)];
        precise float l = total[e] * factor;
        for (uint r = 0; r < n; r++)
            l += weight[r * PAIRS + pair_of(e)];
        total[e] = l;
        [[unroll]] for (uint j = 0; j < SUMS; j++) {
            precise vec4 scaled = sums[e * SUMS + j] * factor;
            sums[e * SUMS + j] = scaled;
        }
    }
    for (uint r = 0; r < n; r++) {
        float w[EACH];
        [[unroll]] for (uint e = 0; e < EACH; e++)
            w[e] = weight[r * PAIRS + pair_of(e)];
        [[unroll]] for (uint j = 0; j < SUMS; j++) {
            if (inside(j, KV4)) {
                vec4 v = tile[r * COLS4 + slice() + j * SLICES];
                [[unroll]] for (uint e = 0; e < EACH; e++)
                    sums[e * SUMS + j] = fma(vec4(w[e]), v, sums[e * SUMS + j]);
            }
        }
    }
}

// Positions first .. end-1 of one page. `next`: the page behind it; `stop`: where the workgroup's
// positions end. While a tile is summed, the one behind it is loaded (the last one again).
void attend_page(uint first, uint end, uint stop, uint position, ADDRESS next, bool start)
{
    for (uint p = first; p < end; p += ROWS) {
        uint n = min(ROWS, end - p), behind = p + ROWS < stop ? p + ROWS : p;
        take_tile();
        load_ahead(behind / DV_PAGE == p / DV_PAGE ? page : next, behind);
        barrier();
        score_partials(n);
        barrier();
        score_sums(n);
        barrier();
        softmax(p, n, position, start && p == first);
        parity = 1u - parity;
        barrier();
        add_values(n);
        barrier();
    }
}

// sums, total and largest[parity] of positions first .. end-1, whole pages but for the last.
void attend(uint first, uint end, uint stop, uint position)
{
    [[unroll]] for (uint i = 0; i < EACH * SUMS; i++)
        sums[i] = vec4(0.0);
    [[unroll]] for (uint e = 0; e < EACH; e++)
        total[e] = 0.0;
    for (uint p = first; p < end; p += DV_PAGE) {
        ADDRESS next = cache_page(pages, min(p + DV_PAGE, stop - 1u));
        attend_page(p, min(p + DV_PAGE, end), stop, position, next, p == first);
        page = next;
    }
}

// Writes one pair's partial; the sums are merged with those at byte `at_y` unless `start`.
void store_pair(uint e, uint at_y, attend_merged both, bool start)
{
    [[unroll]] for (uint j = 0; j < SUMS; j++) {
        if (inside(j, KV4)) {
            Sums4 y = Sums4(at(address(args.y), at_y + (slice() + j * SLICES) * 16u));
            vec4  value = sums[e * SUMS + j];
            if (!start)
                value = attend_merge_sums(both, y.v, value);
            y.v = value;
        }
    }
    if (slice() == 0u)
        Sums4(at(address(args.y), at_y + args.kv * 4u)).v = vec4(both.m, both.l, 0.0, 0.0);
}

// The positions of one split that the workgroup's tokens see, and what becomes of their sums. A
// pair that sees none of them keeps what it has.
void attend_split(uint split, uint begin, uint stop, uint position, inout float m[EACH],
                  inout float l[EACH])
{
    uint first = split * args.split;
    attend(first, min(first + args.split, stop), stop, position);
    [[unroll]] for (uint e = 0; e < EACH; e++) {
        uint pair = pair_of(e), token = token_of(pair);
        if (token >= args.tokens || position + token < first || head_of(pair) >= args.heads)
            continue;
        float         top = largest[parity * PAIRS + pair];
        attend_merged both = attend_merged(top, total[e], 0.0, 0.0);
        if (split > begin)
            both = attend_merge(m[e], l[e], top, total[e]);
        m[e] = both.m;
        l[e] = both.l;
        uint y = token * args.y_stride;
        y += attend_place(head_of(pair), MERGE != 0u ? 0u : split, args.splits, args.kv);
        store_pair(e, y * 4u, both, split == begin);
    }
}

void main()
{
    uint   first = token_group() * TOKENS;
    dv_row row = step_row(args.step, first);
    uint   position = row.position - first; // of token 0, were it of the same timeline
    pages = row.pages;
    cache = args.cache;
    uint last = position + min((token_group() + 1u) * TOKENS, args.tokens) - 1u;
    uint count = attend_splits(last, args.split);
    uint begin = MERGE != 0u ? 0u : gl_WorkGroupID.y, end = MERGE != 0u ? count : begin + 1u;
    if (begin >= count)
        return;
    parity = 0u;
    page = cache_page(pages, begin * args.split);
    find_places();
    load_ahead(page, begin * args.split);
    load_query();
    float m[EACH], l[EACH];
    for (uint split = begin; split < end; split++)
        attend_split(split, begin, min(end * args.split, last + 1u), position, m, l);
}
