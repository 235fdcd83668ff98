/* SPDX-License-Identifier: MIT */
/* Any bytes as moves of timelines that share a pool of pages: nobody ever gets another's tokens. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/pool_play.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *moves, size_t n)
{
    struct pool_played played = { 0 };
    const char        *fault  = pool_play(&played, moves, n);
    if (fault) {
        fprintf(stderr, "%s\n", fault);
        abort();
    }
    return 0;
}
