// SPDX-License-Identifier: MIT
// Records of the latent cache (lib/cache.glsl) as float16 in shared memory: LANES lanes load a
// record's words, and share them when the tile is free. The including kernel defines before the
// constants KV, COLS4, ROW4, LANES and LOADS, `tile`, `words` and `pages`, the timeline's table.
#ifndef DV_RECORD_TILE_GLSL
#define DV_RECORD_TILE_GLSL

// The words of columns 4 c .. 4 c + 3 of a record (lib/cache.glsl), and their values.
uvec4 record_words(ADDRESS record, uint c)
{
    if (CACHE == CACHE_F32)
        return load_words4(record, c * 16u);
    if (CACHE == CACHE_BF16)
        return uvec4(Load2(at(record, c * 8u)).v, 0u, 0u);
    if (c < KV / 4u)
        return uvec4(load_word(record, c * 4u),
                     load_word(record, KV + c * 4u / cache_block(KV) * 4u), 0u, 0u);
    uint rope = cache_rope_at(KV) + (c - KV / 4u) * 8u;
    return uvec4(load_word(record, rope), load_word(record, rope + 4u), 0u, 0u);
}
vec4 record_values(uvec4 w, uint c)
{
    if (CACHE == CACHE_F32)
        return uintBitsToFloat(w);
    if (CACHE == CACHE_BF16 || c >= KV / 4u)
        return cache_bf16(w.xy);
    return e3m4_decode(w.x) * uintBitsToFloat(w.y);
}

// Positions first .. first+n-1, all of one page; the last one is repeated.
void load_records(uint first, uint n)
{
    uint    lane = gl_LocalInvocationID.x % LANES, row = gl_LocalInvocationID.x / LANES;
    ADDRESS page = cache_record(args.cache, pages, first);
    ADDRESS record = at(page, min(row, n - 1u) * args.cache.record);
    [[unroll]] for (uint i = 0; i < LOADS; i++)
        words[i] = record_words(record, min(lane + i * LANES, COLS4 - 1u));
}
void share_records()
{
    uint lane = gl_LocalInvocationID.x % LANES, row = gl_LocalInvocationID.x / LANES;
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        uint c = lane + i * LANES;
        if (COLS4 % LANES == 0u || c < COLS4)
            tile[row * ROW4 + c] = coop_round(record_values(words[i], c));
    }
}

#endif
