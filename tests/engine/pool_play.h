/* SPDX-License-Identifier: MIT */
/* Timelines that take, share, change and give back pages, by moves that are any bytes. What they
 * hold is written down beside the pool, and compared after each move. */
#ifndef DV_TESTS_ENGINE_POOL_PLAY_H
#define DV_TESTS_ENGINE_POOL_PLAY_H

#include <stddef.h>
#include <stdint.h>

/* What happened, for tests that want to know that all of it did. */
struct pool_played {
    unsigned taken, found, equal, copied, opened, forgotten, refused, removed;
};

/* NULL when all was well, else what was not; static storage. */
const char *pool_play(struct pool_played *played, const uint8_t *moves, size_t n);

#endif
