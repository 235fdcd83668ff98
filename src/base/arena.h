/* SPDX-License-Identifier: MIT */
/* Things that die together live in one arena. Blocks never move; nothing is freed singly. */
#ifndef DV_BASE_ARENA_H
#define DV_BASE_ARENA_H

#include "base/context.h"

struct dv_arena_block;

struct dv_arena {
    const struct dv_context *ctx;
    struct dv_arena_block   *blocks;
};

void dv_arena_init(struct dv_arena *arena, const struct dv_context *ctx);
/* Zeroed, 16-byte aligned; NULL when memory is exhausted. n * size is checked. */
void *dv_arena_alloc(struct dv_arena *arena, size_t n, size_t size);
char *dv_arena_printf(struct dv_arena *arena, const char *format, ...) DV_PRINTF(2, 3);
void  dv_arena_done(struct dv_arena *arena);

#endif
