/* SPDX-License-Identifier: MIT */
/* Memory of which many small pieces are needed and that goes all at once. Pieces are zeroed; a
 * block that does not fit into the current chunk gets one of its own. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"

#define BLOCK_BYTES 65536u
#define ALIGN 16u

struct dv_arena_block {
    struct dv_arena_block *next;
    size_t                 used, bytes;
    uint64_t               pad; /* keeps data[] at a multiple of 16 */
    unsigned char          data[];
};

void dv_arena_init(struct dv_arena *arena, const struct dv_context *ctx)
{
    *arena = (struct dv_arena){ .ctx = ctx };
}

void *dv_arena_alloc(struct dv_arena *arena, size_t n, size_t size)
{
    if (size && n > (SIZE_MAX - BLOCK_BYTES) / size)
        return NULL;
    size_t                 bytes = dv_round_up(n * size, ALIGN);
    struct dv_arena_block *block = arena->blocks;
    if (!block || block->bytes - block->used < bytes) {
        size_t room = dv_max(bytes, BLOCK_BYTES);
        block       = dv_zalloc(arena->ctx, sizeof *block + room);
        if (!block)
            return NULL;
        block->bytes  = room;
        block->next   = arena->blocks;
        arena->blocks = block;
    }
    void *memory = block->data + block->used;
    block->used += bytes;
    return memory;
}

char *dv_arena_printf(struct dv_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int   length = vsnprintf(NULL, 0, format, args);
    char *text   = length < 0 ? NULL : dv_arena_alloc(arena, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void dv_arena_done(struct dv_arena *arena)
{
    for (struct dv_arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        dv_free(arena->ctx, block);
    }
    arena->blocks = NULL;
}
