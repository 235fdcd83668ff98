// SPDX-License-Identifier: MIT
// Tiles of the latent cache on their way from memory: all loads of one leave together, and nothing
// waits for them before take_tile().
//
// The including kernel defines before the constants ROWS, COLS4 and KV4, and the array tile.
#ifndef DV_ATTEND_AHEAD_GLSL
#define DV_ATTEND_AHEAD_GLSL

const uint  LOADS = (ROWS * COLS4 + WORKGROUP - 1u) / WORKGROUP; // groups of four of a lane
cache_group place[LOADS]; // of a record, behind the tile's first
uvec4       ahead[LOADS];
dv_cache_place cache; // read once: in the loop it would be another load to wait for
ADDRESS     page;     // of the tile that was taken last

uint group_of(uint load) // of the tile
{
    return min(gl_LocalInvocationID.x + load * WORKGROUP, ROWS * COLS4 - 1u);
}

void find_places()
{
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        place[i] = cache_group_at(group_of(i) % COLS4, KV4 * 4u);
        place[i].at += group_of(i) / COLS4 * cache.record;
        place[i].more += group_of(i) / COLS4 * cache.record;
    }
}

// Begins to load ROWS positions from `first` on, all of page `from`; of those behind the timeline's
// end nothing is used.
void load_ahead(ADDRESS from, uint first)
{
    ADDRESS record = at(from, cache.offset + first % DV_PAGE * cache.record);
    [[unroll]] for (uint i = 0; i < LOADS; i++)
        ahead[i] = cache_words(record, place[i]);
}

void take_tile()
{
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        if ((i + 1u) * WORKGROUP <= ROWS * COLS4 ||
            gl_LocalInvocationID.x + i * WORKGROUP < ROWS * COLS4)
            tile[group_of(i)] = cache_values(ahead[i], group_of(i) % COLS4 < KV4);
    }
}

#endif
