/* SPDX-License-Identifier: MIT */
/* Byte pair encoding of one piece: start from the ids of its bytes, merge the adjacent pair of
 * lowest rank (leftmost among equals) until none is left. The table is read-only after it is
 * filled; the work area belongs to one thread and is reused from piece to piece. */
#ifndef DV_TEXT_BPE_H
#define DV_TEXT_BPE_H

#include "base/arena.h"
#include "text/ids.h"

#define DV_NO_ID UINT32_MAX

struct dv_merge {
    uint64_t pair; /* left id << 32 | right id; UINT64_MAX: free */
    uint32_t rank;
    uint32_t id;
};

struct dv_bpe {
    struct dv_merge *merges;
    size_t           mask;
    uint32_t         byte_id[256]; /* DV_NO_ID: the vocabulary lacks this byte */
};

struct dv_bpe_symbol {
    uint32_t id, previous, next;
    uint32_t rank; /* of the merge with `next`; DV_NO_ID: none */
};

struct dv_bpe_candidate {
    uint32_t rank, at;
};

/* Zero is a valid start. */
struct dv_bpe_work {
    const struct dv_context *ctx;
    struct dv_bpe_symbol    *symbols;
    struct dv_bpe_candidate *heap;
    size_t                   symbol_capacity, heap_capacity, heap_n;
    uint64_t                 steps; /* heap moves and merges so far: what the tests bound */
};

/* false: no memory. */
bool dv_bpe_init(struct dv_bpe *bpe, struct dv_arena *arena, size_t n_merges);
/* A pair given twice takes the later rank. false: the table was made to be slow. */
bool dv_bpe_add(struct dv_bpe *bpe, uint32_t left, uint32_t right, uint32_t rank, uint32_t id);

/* Appends the ids of a piece in O(n log n). A byte without id is encoded as U+FFFD. */
dsvk_status dv_bpe_encode(const struct dv_bpe *bpe, struct dv_bpe_work *work, const char *piece,
                          size_t bytes, struct dv_ids *ids);
void        dv_bpe_work_done(struct dv_bpe_work *work);

#endif
